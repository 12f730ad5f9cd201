name, n, x, items = "Ann", 42, 3.14159, [1, "two"]
print(f"{name}", f"{name!r}", f"{name!s:>6}|", f"{name:^7}|", f"{name:*<6}|", f"{name!a}")
print(f"{n:5d}|{n:<5}|{n:^5}|{n:05}|{n:+}|{n:x}|{n:#x}|{n:b}|{n:#o}|{n:,}|{n:e}|{n:c}")
print(f"{x:.2f}|{x:10.3f}|{x:<10.1f}|{x:+.1e}|{x:g}|{x:%}|{x:.0f}|{x:010.2f}")
print(f"{items}", f"{items!r}", f"{items[1]}", f"{len(items)=}", f"{n = }", f"{n + 1 = :>5}", f"{name!r:=^9}")
width, prec = 8, 2
print(f"{x:{width}.{prec}f}|{name:{'>'}{width}}|{{literal}} {{{n}}}")
print(f"{'nested ' + f'{n}'}", f"{n if n > 3 else 0}", f"{[i for i in range(3)]}", f"{ {'a': 1}['a'] }")
print(f"{1234567:,} {1234567:_} {0.000123:.3g} {1e20:.3f} {True} {None} {True:d} {False:>7}")
print(f"a{1}b{2}c" f"{3}" "d", f"", f"{''}|")
print(f"{10**20:,}", f"{-5:>4}|{-5:=4}|{5: }", f"{255:X} {255:#X} {255:#b}")
print("é: {:>4}|{:é^5}|".format("é", "x"), format(3.5, ".1f"), format("a", "3") + "|", format(5), format([1]))
for spec in ("d", "q", "5.2d", ",s"):
    try:
        print(format("text", spec))
    except ValueError as e:
        print(e)
try:
    print(f"{items:5}")
except TypeError as e:
    print(e)
