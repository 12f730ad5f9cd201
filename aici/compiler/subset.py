def check(module, sink): pass
