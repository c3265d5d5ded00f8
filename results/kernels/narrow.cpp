// Forward and backward pass of a wide residual network on one core with AVX512-BF16, made for
// narrow ones. PyTorch's convolutions put 16 or 32 channels into a vector; a network of 80,000
// parameters has 2 to 8 in most blocks, and the rest is padding. Here 16 images share a vector, and
// two channels a 32-bit lane of it, as the dot products of bfloat16 want: no channel is padded
// beyond the next even number.
//
// Activations are (images / 16, channels / 2, H, W, 16) lanes. What a convolution reads is copied
// 16 images at a time, with batch norm and ReLU applied, into a buffer with an edge of zeros, which
// stays in the cache. Sums are float32, moments double.
#include <immintrin.h>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>
#define UNROLL _Pragma("GCC unroll 32")
#define INLINE static inline __attribute__((always_inline))
typedef uint32_t u32;
typedef __m512 F;
typedef __m512i I;
const int L = 16;  // images in a vector

INLINE F low(I v) { return _mm512_castsi512_ps(_mm512_slli_epi32(v, 16)); }
INLINE F high(I v) { return _mm512_castsi512_ps(_mm512_and_si512(v, _mm512_set1_epi32(0xffff0000))); }
INLINE I load(const u32* p) { return _mm512_loadu_si512(p); }
INLINE void store(u32* p, I v) { _mm512_storeu_si512(p, v); }
INLINE I pack(F even, F odd) {
  I a = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(even));
  I b = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(odd));
  return _mm512_or_si512(a, _mm512_slli_epi32(b, 16));
}
INLINE I sum(I a, I b) {
  return pack(_mm512_add_ps(low(a), low(b)), _mm512_add_ps(high(a), high(b)));
}
INLINE F dot(F sum, I a, I b) { return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b); }
// What is not a number stays none: the instruction then gives its second operand.
INLINE F relu(F x) { return _mm512_max_ps(_mm512_setzero_ps(), x); }
static inline uint16_t bf16(float x) {
  u32 u; memcpy(&u, &x, 4);
  return (u + 0x7fff + ((u >> 16) & 1)) >> 16;
}
static inline int even(int c) { return (c + 1) & ~1; }

struct Buffer {  // 64-byte aligned, zero at first
  u32* p = nullptr; size_t n = 0;
  void need(size_t size) {
    if (size <= n) return;
    free(p); n = size;
    p = (u32*)aligned_alloc(64, (n * 4 + 4095) / 4096 * 4096);
    memset(p, 0, n * 4);
  }
  ~Buffer() { free(p); }
};

// ---- 3x3 convolution of one group of 16 images: CB output channels from c2 channel pairs ----
template <int CB, int S>
static void conv_block(const u32* in, int c2, int PH, int PW, const u32* w, int H, int W, u32* out,
                       const u32* add) {
  const int plane = PH * PW * L;
  for (int y = 0; y < H; y++)
    for (int x = 0; x < W; x += 4) {
      F acc[CB][4];
      UNROLL for (int c = 0; c < CB; c++) UNROLL for (int j = 0; j < 4; j++) acc[c][j] = _mm512_setzero_ps();
      const u32* k = w;
      const u32* base = in + (y * S * PW + x * S) * L;
      for (int i = 0; i < c2; i++, base += plane)
        for (int ky = 0; ky < 3; ky++) {
          const u32* row = base + ky * PW * L;
          UNROLL for (int kx = 0; kx < 3; kx++) {
            I v[4];
            UNROLL for (int j = 0; j < 4; j++) v[j] = load(row + (j * S + kx) * L);
            UNROLL for (int c = 0; c < CB; c++) {
              I b = _mm512_set1_epi32(k[kx * CB + c]);
              UNROLL for (int j = 0; j < 4; j++) acc[c][j] = dot(acc[c][j], v[j], b);
            }
          }
          k += 3 * CB;
        }
      UNROLL for (int p = 0; p < CB / 2; p++) UNROLL for (int j = 0; j < 4; j++) {
        size_t at = ((size_t)(p * H + y) * W + x + j) * L;
        I r = pack(acc[2 * p][j], acc[2 * p + 1][j]);
        store(out + at, add ? sum(r, load(add + at)) : r);
      }
    }
}

// Output channels a block computes at once: 6, and what is left, without a lonely 2 after a 6.
static int at_once(int left) { return left == 8 ? 4 : left >= 6 ? 6 : left; }

// `in` has planes H x W with edges; `add`, if it is there, is added to the result.
static void conv(const u32* in, int c2, int H, int W, const u32* w, int stride, int co, u32* out,
                 const u32* add = nullptr) {
  const int PH = H + 2, PW = W + 2;
  H /= stride;
  W /= stride;
  for (int c = 0; c < co;) {
    int cb = at_once(co - c);
    size_t at = (size_t)c / 2 * H * W * L;
    const u32* a = add ? add + at : nullptr;
    const u32* k = w + (size_t)c * c2 * 9;
#define CALL(N) (stride == 1 ? conv_block<N, 1> : conv_block<N, 2>)(in, c2, PH, PW, k, H, W, out + at, a)
    if (cb == 6) CALL(6); else if (cb == 4) CALL(4); else CALL(2);
#undef CALL
    c += cb;
  }
}

// Weights of a convolution as `conv` reads them; get(o, i, ky, kx) gives one, 0 for padding.
template <class G> static void pack_weights(u32* w, int co, int ci, G get) {
  for (int c = 0; c < co;) {
    int cb = at_once(co - c);
    for (int i = 0; i < ci; i += 2)
      for (int k = 0; k < 9; k++)
        for (int o = 0; o < cb; o++)
          *w++ = bf16(get(c + o, i, k / 3, k % 3)) | (u32)bf16(get(c + o, i + 1, k / 3, k % 3)) << 16;
    c += cb;
  }
}

// ---- gradient of the weights: of 2 * GP output channels, 2 input channels, one row of the kernel ----
// Which 16-bit halves of two vectors to take for the even channel of both, and for the odd one.
struct Halves { uint16_t v[32], w[32]; };
static const Halves PERMUTE = [] { Halves e; for (int i = 0; i < 16; i++) {
  e.v[2 * i] = 2 * i; e.v[2 * i + 1] = 2 * i + 32;
  e.w[2 * i] = 2 * i + 1; e.w[2 * i + 1] = 2 * i + 33; } return e; }();

template <int GP, int S>
static void weight_block(const u32* a, const u32* g, int gplane, int PW, int H, int W, F* total) {
  const I lo = _mm512_loadu_si512(PERMUTE.v), hi = _mm512_loadu_si512(PERMUTE.w);
  F acc[2 * GP][2][3];
  UNROLL for (int o = 0; o < 2 * GP; o++) UNROLL for (int i = 0; i < 2; i++) UNROLL for (int k = 0; k < 3; k++)
    acc[o][i][k] = total[(o * 2 + i) * 3 + k];
  for (int y = 0; y < H; y++)
    for (int x = 0; x < W; x += 2) {
      const u32* ar = a + (y * PW + x) * S * L;
      const u32* gr = g + (y * PW + x) * S * L;
      I d[2 * GP];
      UNROLL for (int p = 0; p < GP; p++) {
        I g0 = load(gr + p * gplane), g1 = load(gr + p * gplane + S * L);
        d[2 * p] = _mm512_permutex2var_epi16(g0, lo, g1);
        d[2 * p + 1] = _mm512_permutex2var_epi16(g0, hi, g1);
      }
      UNROLL for (int k = 0; k < 3; k++) {
        I a0 = load(ar + k * L), a1 = load(ar + (k + S) * L);
        I v0 = _mm512_permutex2var_epi16(a0, lo, a1), v1 = _mm512_permutex2var_epi16(a0, hi, a1);
        UNROLL for (int o = 0; o < 2 * GP; o++) {
          acc[o][0][k] = dot(acc[o][0][k], d[o], v0);
          acc[o][1][k] = dot(acc[o][1][k], d[o], v1);
        }
      }
    }
  UNROLL for (int o = 0; o < 2 * GP; o++) UNROLL for (int i = 0; i < 2; i++) UNROLL for (int k = 0; k < 3; k++)
    total[(o * 2 + i) * 3 + k] = acc[o][i][k];
}

// `a` and `g` are padded by one pixel; with stride 2, `g` has a zero between its pixels.
static void weight_gradient(const u32* a, int c2, const u32* g, int g2, int H, int W, int stride,
                            F* total) {
  const int PW = W + 2, plane = (H + 2) * PW * L;
  H /= stride;
  W /= stride;
  for (int i = 0; i < c2; i++)
    for (int ky = 0; ky < 3; ky++)
      for (int o = 0; o < g2; o += 2) {
        const u32* ar = a + i * plane + ky * PW * L;
        const u32* gr = g + o * plane + (PW + 1) * L;
#define CALL(N) (stride == 1 ? weight_block<N, 1> : weight_block<N, 2>)(ar, gr, plane, PW, H, W, total)
        if (g2 - o >= 2) { CALL(2); total += 24; } else { CALL(1); total += 12; }
#undef CALL
      }
}
template <class P> static void take_weights(const F* total, int g2, int c2, P put) {
  for (int i = 0; i < c2; i++)
    for (int ky = 0; ky < 3; ky++)
      for (int o = 0; o < g2; o += 2)
        for (int q = 0; q < (g2 - o >= 2 ? 4 : 2); q++)
          for (int h = 0; h < 2; h++)
            for (int kx = 0; kx < 3; kx++) put(2 * o + q, 2 * i + h, ky, kx, _mm512_reduce_add_ps(*total++));
}

// ---- batch norm and ReLU ----
struct Norm {  // of padded channels all is 0
  int c = 0;
  std::vector<float> mean, inverse, scale, shift, A, B;
  void size(int channels) {
    c = channels; int n = even(c);
    for (auto v : {&mean, &inverse, &scale, &shift, &A, &B}) v->assign(n, 0.f);
  }
};

static void moments(const u32* x, int c2, int pixels, std::vector<double>& sums) {
  for (int p = 0; p < c2; p++) {
    F s[2][2], q[2][2];
    for (int i = 0; i < 2; i++) for (int j = 0; j < 2; j++) s[i][j] = q[i][j] = _mm512_setzero_ps();
    const u32* r = x + (size_t)p * pixels * L;
    for (int i = 0; i < pixels; i += 2) UNROLL for (int j = 0; j < 2; j++) {
      I v = load(r + (i + j) * L);
      s[0][j] = _mm512_add_ps(s[0][j], low(v)); q[0][j] = _mm512_fmadd_ps(low(v), low(v), q[0][j]);
      s[1][j] = _mm512_add_ps(s[1][j], high(v)); q[1][j] = _mm512_fmadd_ps(high(v), high(v), q[1][j]);
    }
    for (int h = 0; h < 2; h++) {
      sums[4 * p + 2 * h] += _mm512_reduce_add_ps(_mm512_add_ps(s[h][0], s[h][1]));
      sums[4 * p + 2 * h + 1] += _mm512_reduce_add_ps(_mm512_add_ps(q[h][0], q[h][1]));
    }
  }
}

static void finish_moments(Norm& n, const std::vector<double>& sums, double count, const float* weight,
                           const float* bias, float* running_mean, float* running_var, float momentum,
                           float eps) {
  for (int c = 0; c < n.c; c++) {
    double mean = sums[2 * c] / count, var = sums[2 * c + 1] / count - mean * mean;
    if (var < 0) var = 0;
    if (momentum < 0) { mean = running_mean[c]; var = running_var[c]; }  // evaluation
    n.mean[c] = mean; n.inverse[c] = 1 / std::sqrt(var + eps);
    n.scale[c] = weight[c] * n.inverse[c]; n.shift[c] = bias[c] - mean * n.scale[c];
    if (momentum < 0) continue;
    running_mean[c] += momentum * (mean - running_mean[c]);
    running_var[c] += momentum * (var * count / (count - 1) - running_var[c]);
  }
}

// ReLU of the batch norm of x, into planes with edges.
static void activate(const u32* x, int c2, int H, int W, const Norm& n, u32* out) {
  for (int p = 0; p < c2; p++) {
    F s0 = _mm512_set1_ps(n.scale[2 * p]), t0 = _mm512_set1_ps(n.shift[2 * p]);
    F s1 = _mm512_set1_ps(n.scale[2 * p + 1]), t1 = _mm512_set1_ps(n.shift[2 * p + 1]);
    for (int y = 0; y < H; y++) {
      const u32* r = x + (size_t)(p * H + y) * W * L;
      u32* o = out + ((size_t)p * (H + 2) + y + 1) * (W + 2) * L + L;
      for (int i = 0; i < W; i++) {
        I v = load(r + i * L);
        store(o + i * L, pack(relu(_mm512_fmadd_ps(low(v), s0, t0)),
                              relu(_mm512_fmadd_ps(high(v), s1, t1))));
      }
    }
  }
}

// Sums over the gradient g of the activation: sums[2c] of g * mask, sums[2c + 1] times x - mean.
static void gradient_moments(const u32* g, const u32* x, int c2, int pixels, const Norm& n,
                             std::vector<double>& sums) {
  const F zero = _mm512_setzero_ps();
  for (int p = 0; p < c2; p++) {
    F s[2], t[2], m[2], a[2], b[2];
    for (int h = 0; h < 2; h++) {
      s[h] = _mm512_set1_ps(n.scale[2 * p + h]); t[h] = _mm512_set1_ps(n.shift[2 * p + h]);
      m[h] = _mm512_set1_ps(n.mean[2 * p + h]); a[h] = b[h] = zero;
    }
    const u32 *r = x + (size_t)p * pixels * L, *d = g + (size_t)p * pixels * L;
    for (int i = 0; i < pixels; i++) {
      I v = load(r + i * L), w = load(d + i * L);
      UNROLL for (int h = 0; h < 2; h++) {
        F xv = h ? high(v) : low(v), gv = h ? high(w) : low(w);
        __mmask16 on = _mm512_cmp_ps_mask(_mm512_fmadd_ps(xv, s[h], t[h]), zero, _CMP_GT_OQ);
        a[h] = _mm512_mask_add_ps(a[h], on, a[h], gv);
        b[h] = _mm512_mask3_fmadd_ps(gv, _mm512_sub_ps(xv, m[h]), b[h], on);
      }
    }
    for (int h = 0; h < 2; h++) {
      sums[4 * p + 2 * h] += _mm512_reduce_add_ps(a[h]);
      sums[4 * p + 2 * h + 1] += _mm512_reduce_add_ps(b[h]);
    }
  }
}
static void finish_gradient(Norm& n, const std::vector<double>& sums, double count, float* of_weight,
                            float* of_bias) {
  for (int c = 0; c < n.c; c++) {
    double sum = sums[2 * c], product = sums[2 * c + 1] * n.inverse[c];
    of_weight[c] = product; of_bias[c] = sum;
    double slope = -(double)n.scale[c] * n.inverse[c] * product / count;
    n.A[c] = slope; n.B[c] = -n.scale[c] * sum / count - slope * n.mean[c];
  }
}
// The gradient of x, plus `add`: plain, or (EDGE = 1) into planes with edges, S apart.
template <int EDGE>
static void norm_backward(const u32* g, const u32* x, const u32* add, int c2, int H, int W,
                          const Norm& n, u32* out, int S = 1) {
  const F zero = _mm512_setzero_ps();
  const int PH = S * H + 2 * EDGE, PW = S * W + 2 * EDGE;
  for (int p = 0; p < c2; p++) {
    F s[2], t[2], A[2], B[2];
    for (int h = 0; h < 2; h++) {
      s[h] = _mm512_set1_ps(n.scale[2 * p + h]), t[h] = _mm512_set1_ps(n.shift[2 * p + h]);
      A[h] = _mm512_set1_ps(n.A[2 * p + h]), B[h] = _mm512_set1_ps(n.B[2 * p + h]);
    }
    for (int y = 0; y < H; y++) {
      size_t at = (size_t)(p * H + y) * W * L;
      u32* o = out + ((size_t)(p * PH + y * S + EDGE) * PW + EDGE) * L;
      for (int i = 0; i < W; i++) {
        I v = load(x + at + i * L), w = load(g + at + i * L);
        F r[2];
        UNROLL for (int h = 0; h < 2; h++) {
          F xv = h ? high(v) : low(v), gv = h ? high(w) : low(w);
          F y = _mm512_fmadd_ps(xv, s[h], t[h]);
          __mmask16 on = _mm512_cmp_ps_mask(y, zero, _CMP_GT_OQ);
          r[h] = _mm512_mask3_fmadd_ps(gv, s[h], _mm512_fmadd_ps(xv, A[h], B[h]), on);
        }
        I packed = pack(r[0], r[1]);
        if (add) packed = sum(packed, load(add + at + i * L));
        store(o + i * S * L, packed);
      }
    }
  }
}

// Copy into planes with edges, S apart.
static void spread(const u32* g, int c2, int H, int W, u32* out, int S = 1) {
  const int PH = S * H + 2, PW = S * W + 2;
  for (int p = 0; p < c2; p++)
    for (int y = 0; y < H; y++)
      for (int i = 0; i < W; i++, g += L)
        store(out + ((size_t)(p * PH + y * S + 1) * PW + i * S + 1) * L, load(g));
}

// ---- the network ----
struct Maps {  // activations of a batch, or gradients: c2 channel pairs, H x W
  int c2 = 0, H = 0, W = 0;
  Buffer data;
  void shape(int pairs, int height, int width, int groups) {
    c2 = pairs, H = height, W = width;
    data.need(size() * groups);
  }
  size_t size() const { return (size_t)c2 * H * W * L; }
  u32* of(int group) const { return data.p + group * size(); }
};
struct Unit {  // one block of the network: cin channels to mid to cout
  int cin, mid, cout, stride;
  bool projects;  // has a convolution 1x1 as its shortcut, computed as channels of the first one
  Norm norm1, norm2;
  Maps x, m;  // what the norms get
};
struct Net {
  int channels, side, groups = 0;
  std::vector<Unit> units;
  Norm last;
  Maps images, top, shortcut, gradient, inner, first;
  Buffer both, weights, totals;
  // Planes with edges, and with holes where the stride is 2, by form. Only what lies between edges
  // and holes is ever written, so they stay zero.
  Buffer inputs[20], gradients[20];
};
static int pairs(int c) { return (c + 1) / 2; }
static u32* planes(Buffer* of_form, int c2, int H, int stride = 1) {
  Buffer& b = of_form[2 * __builtin_ctz(H) + stride - 1];
  b.need((size_t)c2 * (H + 2) * (H + 2) * L);
  return b.p;
}
static F* sums_of_weights(Net* net, int co2, int ci2) {
  size_t n = (size_t)4 * co2 * ci2 * 9 * L;
  net->totals.need(n);
  memset(net->totals.p, 0, 4 * n);
  return (F*)net->totals.p;
}
template <class G> static const u32* packed(Net* net, int co2, int ci2, G get) {
  net->weights.need((size_t)2 * co2 * ci2 * 9);
  pack_weights(net->weights.p, 2 * co2, 2 * ci2, get);
  return net->weights.p;
}
static inline size_t at(int o, int i, int ci, int y, int x) { return ((o * ci + i) * 3 + y) * 3 + x; }

extern "C" {
// Of each block five numbers: channels in, between, out, stride, whether it has a projection.
Net* create(int channels, int side, int blocks, const int* form) {
  Net* net = new Net;
  net->channels = channels;
  net->side = side;
  net->units.resize(blocks);
  for (Unit& u : net->units) {
    u.cin = form[0], u.mid = form[1], u.cout = form[2], u.stride = form[3], u.projects = form[4];
    u.norm1.size(u.cin);
    u.norm2.size(u.mid);
    form += 5;
  }
  net->last.size(net->units.back().cout);
  return net;
}
void destroy(Net* net) { delete net; }

// Means over the pixels of what the last norm and ReLU give, (images, channels).
//
// `params`: weights of the first convolution; of each block weight and bias of the first norm,
// convolution, weight and bias of the second norm, convolution, projection if it has one; weight
// and bias of the last norm. `running`: mean and variance of each norm; they change, unless
// `momentum` is negative: then they are used. The number of images is a multiple of 16.
void forward(Net* net, const float* images, int count, const float** params, float** running,
             float momentum, float eps, float* pooled) {
  const int groups = net->groups = count / L, C = net->channels, side = net->side;
  Maps& in = net->images;
  in.shape(pairs(C), side + 2, side + 2, groups);
  for (int b = 0; b < groups; b++)
    for (int c = 0; c < C; c++)
      for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
          u32* lanes = in.of(b) + ((c / 2 * in.H + y + 1) * in.W + x + 1) * L;
          const float* pixel = images + ((b * L * C + c) * side + y) * side + x;
          for (int l = 0; l < L; l++)
            ((uint16_t*)(lanes + l))[c & 1] = bf16(pixel[(size_t)l * C * side * side]);
        }
  std::vector<double> sums, next;
  Maps* x = &net->units[0].x;
  {
    const int cout = net->units[0].cin;
    const float* w = *params++;
    const u32* k = packed(net, pairs(cout), in.c2, [&](int o, int i, int y, int x) {
      return o < cout && i < C ? w[at(o, i, C, y, x)] : 0.f;
    });
    x->shape(pairs(cout), side, side, groups);
    next.assign(4 * x->c2, 0);
    for (int b = 0; b < groups; b++) {
      conv(in.of(b), in.c2, side, side, k, 1, 2 * x->c2, x->of(b));
      moments(x->of(b), x->c2, side * side, next);
    }
  }
  for (size_t n = 0; n < net->units.size(); n++) {
    Unit& u = net->units[n];
    const float *w1 = params[2], *w2 = params[5], *wp = u.projects ? params[6] : nullptr;
    const int H = x->H, h = H / u.stride, m2 = pairs(u.mid), o2 = pairs(u.cout);
    const int wide = m2 + (u.projects ? o2 : 0);
    u.m.shape(m2, h, h, groups);
    finish_moments(u.norm1, next, (double)count * H * H, params[0], params[1], running[0],
                   running[1], momentum, eps);
    const u32* k = packed(net, wide, x->c2, [&](int o, int i, int y, int x) {
      if (i >= u.cin) return 0.f;
      if (o < u.mid) return w1[at(o, i, u.cin, y, x)];
      o -= 2 * m2;
      return o >= 0 && o < u.cout && y == 1 && x == 1 ? wp[o * u.cin + i] : 0.f;
    });
    u32* a = planes(net->inputs, x->c2, H);
    if (u.projects) net->shortcut.shape(o2, h, h, groups);
    net->both.need((size_t)wide * h * h * L);
    sums.assign(4 * m2, 0);
    for (int b = 0; b < groups; b++) {
      activate(x->of(b), x->c2, H, H, u.norm1, a);
      u32* out = u.projects ? net->both.p : u.m.of(b);
      conv(a, x->c2, H, H, k, u.stride, 2 * wide, out);
      if (u.projects) {
        memcpy(u.m.of(b), out, 4 * u.m.size());
        memcpy(net->shortcut.of(b), out + u.m.size(), 4 * net->shortcut.size());
      }
      moments(u.m.of(b), m2, h * h, sums);
    }
    finish_moments(u.norm2, sums, (double)count * h * h, params[3], params[4], running[2],
                   running[3], momentum, eps);
    k = packed(net, o2, m2, [&](int o, int i, int y, int x) {
      return o < u.cout && i < u.mid ? w2[at(o, i, u.mid, y, x)] : 0.f;
    });
    a = planes(net->inputs, m2, h);
    Maps& out = n + 1 < net->units.size() ? net->units[n + 1].x : net->top;
    out.shape(o2, h, h, groups);
    next.assign(4 * o2, 0);
    for (int b = 0; b < groups; b++) {
      activate(u.m.of(b), m2, h, h, u.norm2, a);
      conv(a, m2, h, h, k, 1, 2 * o2, out.of(b), u.projects ? net->shortcut.of(b) : x->of(b));
      moments(out.of(b), o2, h * h, next);
    }
    params += 6 + u.projects;
    running += 4;
    x = &out;
  }
  const Norm& last = net->last;
  const int pixels = x->H * x->W;
  finish_moments(net->last, next, (double)count * pixels, params[0], params[1], running[0],
                 running[1], momentum, eps);
  for (int b = 0; b < groups; b++)
    for (int c = 0; c < last.c; c++) {
      const u32* r = x->of(b) + (size_t)(c / 2) * pixels * L;
      F s = _mm512_set1_ps(last.scale[c]), t = _mm512_set1_ps(last.shift[c]);
      F total = _mm512_setzero_ps();
      for (int i = 0; i < pixels; i++) {
        F v = c & 1 ? high(load(r + i * L)) : low(load(r + i * L));
        total = _mm512_add_ps(total, relu(_mm512_fmadd_ps(v, s, t)));
      }
      float values[L];
      _mm512_storeu_ps(values, total);
      for (int l = 0; l < L; l++) pooled[(size_t)(b * L + l) * last.c + c] = values[l] / pixels;
    }
}

// Gradients of what `forward` was called with last, in the order of its params, from those of its
// result.
void backward(Net* net, const float* of_pooled, const float** params, float** grads) {
  const int groups = net->groups, count = groups * L;
  Maps &g = net->gradient, &inner = net->inner, &first = net->first;
  std::vector<double> sums;
  for (Unit& u : net->units) params += 6 + u.projects, grads += 6 + u.projects;
  {
    const Maps& x = net->top;
    const int pixels = x.H * x.W, C = net->last.c;
    inner.shape(x.c2, x.H, x.W, groups);
    g.shape(x.c2, x.H, x.W, groups);
    sums.assign(4 * x.c2, 0);
    for (int b = 0; b < groups; b++) {
      for (int p = 0; p < x.c2; p++) {
        float v[2][L] = {};
        for (int c = 2 * p; c < 2 * p + 2 && c < C; c++)
          for (int l = 0; l < L; l++) v[c & 1][l] = of_pooled[(size_t)(b * L + l) * C + c] / pixels;
        I both = pack(_mm512_loadu_ps(v[0]), _mm512_loadu_ps(v[1]));
        for (int i = 0; i < pixels; i++) store(inner.of(b) + (p * pixels + i) * L, both);
      }
      gradient_moments(inner.of(b), x.of(b), x.c2, pixels, net->last, sums);
    }
    finish_gradient(net->last, sums, (double)count * pixels, grads[1], grads[2]);
    for (int b = 0; b < groups; b++)
      norm_backward<0>(inner.of(b), x.of(b), nullptr, x.c2, x.H, x.W, net->last, g.of(b));
  }
  for (int n = net->units.size() - 1; n >= 0; n--) {
    Unit& u = net->units[n];
    params -= 6 + u.projects;
    grads -= 6 + u.projects;
    const float *w1 = params[3], *w2 = params[6], *wp = u.projects ? params[7] : nullptr;
    const int H = u.x.H, h = u.m.H, c2 = u.x.c2, m2 = u.m.c2, o2 = g.c2;
    const int wide = m2 + (u.projects ? o2 : 0);

    const u32* k = packed(net, m2, o2, [&](int o, int i, int y, int x) {
      return i < u.cout && o < u.mid ? w2[at(i, o, u.mid, 2 - y, 2 - x)] : 0.f;
    });
    u32 *a = planes(net->inputs, m2, h), *d = planes(net->gradients, o2, h);
    F* total = sums_of_weights(net, o2, m2);
    inner.shape(m2, h, h, groups);
    sums.assign(4 * m2, 0);
    for (int b = 0; b < groups; b++) {
      spread(g.of(b), o2, h, h, d);
      activate(u.m.of(b), m2, h, h, u.norm2, a);
      weight_gradient(a, m2, d, o2, h, h, 1, total);
      conv(d, o2, h, h, k, 1, 2 * m2, inner.of(b));
      gradient_moments(inner.of(b), u.m.of(b), m2, h * h, u.norm2, sums);
    }
    take_weights(total, o2, m2, [&](int o, int i, int y, int x, float v) {
      if (o < u.cout && i < u.mid) grads[6][at(o, i, u.mid, y, x)] = v;
    });
    finish_gradient(u.norm2, sums, (double)count * h * h, grads[4], grads[5]);

    k = packed(net, c2, wide, [&](int o, int i, int y, int x) {
      if (o >= u.cin) return 0.f;
      if (i < u.mid) return w1[at(i, o, u.cin, 2 - y, 2 - x)];
      i -= 2 * m2;
      return i >= 0 && i < u.cout && y == 1 && x == 1 ? wp[i * u.cin + o] : 0.f;
    });
    a = planes(net->inputs, c2, H), d = planes(net->gradients, wide, H, u.stride);
    total = sums_of_weights(net, wide, c2);
    first.shape(c2, H, H, groups);
    sums.assign(4 * c2, 0);
    for (int b = 0; b < groups; b++) {
      norm_backward<1>(inner.of(b), u.m.of(b), nullptr, m2, h, h, u.norm2, d, u.stride);
      if (u.projects) spread(g.of(b), o2, h, h, d + (size_t)m2 * (H + 2) * (H + 2) * L, u.stride);
      activate(u.x.of(b), c2, H, H, u.norm1, a);
      weight_gradient(a, c2, d, wide, H, H, u.stride, total);
      conv(d, wide, H, H, k, 1, 2 * c2, first.of(b));
      gradient_moments(first.of(b), u.x.of(b), c2, H * H, u.norm1, sums);
    }
    take_weights(total, wide, c2, [&](int o, int i, int y, int x, float v) {
      if (i >= u.cin) return;
      if (o < u.mid) grads[3][at(o, i, u.cin, y, x)] = v;
      o -= 2 * m2;
      if (o >= 0 && o < u.cout && y == 1 && x == 1) grads[7][o * u.cin + i] = v;
    });
    finish_gradient(u.norm1, sums, (double)count * H * H, grads[1], grads[2]);
    g.shape(c2, H, H, groups);
    for (int b = 0; b < groups; b++)
      norm_backward<0>(first.of(b), u.x.of(b), u.projects ? nullptr : g.of(b), c2, H, H, u.norm1,
                       g.of(b));
  }
  const Maps& in = net->images;
  const int side = net->side, C = net->channels, cout = net->units[0].cin;
  u32* d = planes(net->gradients, g.c2, side);
  F* total = sums_of_weights(net, g.c2, in.c2);
  for (int b = 0; b < groups; b++) {
    spread(g.of(b), g.c2, side, side, d);
    weight_gradient(in.of(b), in.c2, d, g.c2, side, side, 1, total);
  }
  take_weights(total, g.c2, in.c2, [&](int o, int i, int y, int x, float v) {
    if (o < cout && i < C) grads[0][at(o, i, C, y, x)] = v;
  });
}
}
