"""Evidence in sentences, figures and widgets."""
