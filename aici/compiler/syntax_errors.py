from aici.diagnostics import Span
def explain(tokens, at, awaited):
    return tokens[at].span, f"unexpected {tokens[at].type}", None
