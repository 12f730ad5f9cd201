print("%d %i %u" % (1, 2.9, True), "%5.1f|%-8s|%+d|% d|%05d|%x|%X|%o|%e|%g|%c|%c" % (3.14159, "ab", 5, 5, 42, 255, 255, 8, 12345.678, 0.0001, "z", 65))
print("%(a)s-%(b)03d" % {"a": 1, "b": 2}, "%s" % [1, 2], "%s %s" % ("a", (1,)), "%r" % "q", "%%", "%5s|%-5s|%.2s" % ("a", "b", "cde"))
print("%*d|%-*d|%.*f" % (5, 1, 4, 2, 2, 3.14159), "%#x %#o" % (255, 8), "%s" % None, "%a" % "é")
print("{0}{1}{0}".format("a", "b"), "{:>5}|{:<5}|{:^5}|{:*^7}".format(1, 2, 3, "x"), "{:,}".format(1234567), "{:+d} {: d}".format(1, 2))
print("{a}{b[0]}{b[1]}".format(a=1, b=[2, 3]), "{!r:>6}{!s}".format("a", "b"), "{:{w}.{p}}".format(3.14159, w=8, p=3), "{{}}{}".format(1))
print("{:08.3f}|{:e}|{:g}|{:%}|{:.0%}".format(3.14159, 12345.0, 1e-7, 0.25, 0.5), "{:b} {:o} {:x} {:X} {:#b}".format(5, 8, 255, 255, 5))
print("{0[a]}".format({"a": 1}), "{:d}".format(True), "{:s}".format("x"), "{:10}|{:10}|".format("left", 5), "{:c}".format(97))
print(format(1234.5678, ",.2f"), format(0.1, ".3%"), format(-7, "05"), format("abc", "^9"), format(True), format(None), format(10, "_b"))
print(str(1.0), str(1e100), repr(1e-10), repr(100000000000000000.0), repr(1.1), str(float(2**60)), repr(-0.0))
print(repr("\n\t\r\\'\""), repr("\x00\x1f\x7f\x80\xa0"), repr("\u2028\u3000"), ascii("é\u2028🎉"), repr(b"\x00\xff'"))
print([1.0, "a", None, True, b"x", (1,), {"k": {2}}, range(3), slice(1)])
print("abc".ljust(5, ".") + "|", "abc".rjust(5, ".") + "|", "abc".center(6, ".") + "|", "42".zfill(5), "-42".zfill(5))
for template, args in [("%d", "a"), ("%d %d", (1,)), ("%d", (1, 2)), ("%z", 1), ("%", 1), ("%(a)s", 1), ("%c", "ab"), ("%x", 1.5)]:
    try:
        print(template % args)
    except (TypeError, ValueError) as e:
        print(type(e).__name__, e)
for template, args in [("{}", ()), ("{0}{}", (1, 2)), ("{a}", (1,)), ("{", (1,)), ("}", (1,)), ("{:d}", ("a",)), ("{.x}", (1,)), ("{[0]}", (1,))]:
    try:
        print(template.format(*args))
    except (IndexError, KeyError, ValueError, AttributeError, TypeError) as e:
        print(type(e).__name__, e)
