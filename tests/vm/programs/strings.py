s = "Hello, Wörld! 🎉"
print(s, len(s), s[0], s[-1], s[1:5], s[::-1], s[5:1], s[::2], s[-3:], s[100:])
print(s.upper(), s.lower(), s.title(), s.swapcase(), s.casefold(), s.capitalize())
print(s.find("o"), s.rfind("o"), s.index("W"), s.count("l"), s.find("zz"), "l" in s, "zz" not in s)
print(s.replace("l", "L"), s.replace("l", "L", 1), s.split(", "), s.partition(","), s.rpartition("l"))
print("a,b,,c".split(","), " a  b ".split(), "a,b,c".rsplit(",", 1), "a\nb\r\nc".splitlines(), "x".join(["1", "2"]))
print("  pad ".strip(), "xxaxx".strip("x"), "xxaxx".lstrip("x"), "xxaxx".rstrip("x"))
print("7".zfill(3), "-7".zfill(4), "a".center(5, "*"), "a".ljust(3) + "|", "a".rjust(3) + "|")
print("abc".startswith("ab"), "abc".endswith(("x", "bc")), "abc".isalpha(), "12".isdigit(), "a1".isalnum(), " ".isspace())
print("Abc".islower(), "ABC".isupper(), "x_1".isidentifier(), "½".isnumeric())
print("a" + "b", "ab" * 3, 3 * "ab", "ab" * 0, "ab" * -1)
print("abc" < "abd", "abc" == "abc", "a" < "B", "" < "a", "b" > "abc")
print(repr("it's"), repr('say "hi"'), repr("both ' and \""), repr("tab\t nl\n nul\0 \x7f é 🎉"))
print("%s is %d years and %.2f m, %5s|%-5s|%05d %x %r %%" % ("Al", 30, 1.756, "a", "b", 42, 255, "q"))
print("{} {} {0}".format("a", "b") if False else "{} {}".format("a", "b"), "{0} {1} {0}".format("a", "b"))
print("{name!r:>10} {x:.2f} {d[k]}".format(name="n", x=1.234, d={"k": 1}))
print("removeprefix".removeprefix("remove"), "removesuffix".removesuffix("suffix"), "a\tb".expandtabs(4))
print("abc".encode(), "é".encode("utf-8"), "éa".encode("ascii", "ignore"), "Straße".casefold())
print(list("abc"), tuple("ab"), set("a"), sorted("hello"), max("hello"), min("hello"))
print(ord("a"), chr(8364), ascii("é"), "a" "b" 'c', r"\n", """tri
ple""")
print("abc".translate({97: "x", 98: None}), "abc".translate(str.maketrans("ab", "xy")))
for bad in range(6):
    try:
        if bad == 0:
            print("a" + 1)
        elif bad == 1:
            print("a"[5])
        elif bad == 2:
            print("abc".index("z"))
        elif bad == 3:
            print("a" * "b")
        elif bad == 4:
            print("a" < 1)
        else:
            print(1 in "abc")
    except (TypeError, IndexError, ValueError) as e:
        print(type(e).__name__, e)
