"""Was each rule written before the runs that it judges? Reads the history: a full clone is needed.

`python tests/support/rules_first.py [SCALE ...]` prints a line for each claim: when it was first
judged as today, when a verdict first became possible, and which came first. A verdict becomes
possible with the first record of the last of the families that it compares: at `mini` some of them
had records long before anybody asked what they are compared for now.
"""

import ast
import inspect
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from prunelib.evidence import verdicts as judging
from prunelib.evidence.claims import CLAIMS
from prunelib.evidence.questions import QUESTIONS
from prunelib.evidence.verdicts import judge_claims
from prunelib.evidence.view import View
from prunelib.study.lookup import cached_lookup
from prunelib.study.plan import plan_study
from prunelib.study.scales import SCALES
from prunelib.study.store import Store, read_record

ROOT = Path(__file__).parents[2]
RULES = inspect.getdoc(judging)


def git(*arguments: str) -> list[str]:
    """The lines that git prints."""
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def full_clone() -> bool:
    """Whether the whole history is here."""
    try:
        return git("rev-parse", "--is-shallow-repository") == ["false"]
    except (OSError, subprocess.CalledProcessError):
        return False


def written(number: str) -> datetime:
    """When the first commit was made in which a claim has this number, and is judged as today."""
    found = git("log", "--format=%ct", "-S", f'"{number}",', "--", "prunelib")
    return max(datetime.fromtimestamp(min(map(int, found)), UTC), defined())


@cache
def defined() -> datetime:
    """When the definitions that `evidence/verdicts.py` begins with became what they are today."""
    path = "prunelib/evidence/verdicts.py"
    since = None
    for line in git("log", "--format=%H %ct", "--", path):
        commit, time = line.split()
        if ast.get_docstring(ast.parse("\n".join(git("show", f"{commit}:{path}")))) != RULES:
            break
        since = datetime.fromtimestamp(int(time), UTC)
    return since or datetime.now(UTC)


def finished(path: Path) -> datetime:
    """When the run of a record was over."""
    return datetime.fromisoformat(read_record(path).circumstances["finished"])


def table(scale: str) -> list[tuple[str, datetime, datetime]]:
    """For each claim with a verdict: its number, when it was written, when it could be judged."""
    store = Store(ROOT / "results" / scale)
    view = View(SCALES[scale], tuple(plan_study(SCALES[scale])), cached_lookup(store))
    networks = view.networks
    rows = []
    for verdict in judge_claims(view, CLAIMS + QUESTIONS):
        compared = networks[networks["key"].isin(verdict.records)]
        first = [
            min(finished(store.folder / f"{key}.json") for key in own)
            for _, own in compared.groupby("family")["key"]
        ]
        if first:
            rows.append((verdict.claim, written(verdict.claim), max(first)))
    return rows


if __name__ == "__main__":
    for name in sys.argv[1:] or SCALES:
        for number, rule, record in table(name):
            order = "rule first" if rule < record else "RECORD FIRST"
            print(f"{name:<6}{number:<5}{rule:%Y-%m-%d %H:%M}  {record:%Y-%m-%d %H:%M}  {order}")
