b = b"hello\x00\xff"
print(b, len(b), b[0], b[-1], b[1:3], b[::-1], b + b"!", b * 2, list(b), b == b"hello\x00\xff", b < b"z", 104 in b, b"ell" in b)
print(b"abc".upper(), b"a,b".split(b","), b",".join([b"x", b"y"]), b" x ".strip(), b"abc".find(b"c"), b"abc".replace(b"b", b"--"))
print("é".encode(), b"\xc3\xa9".decode(), b"\xff".decode("utf-8", "replace"), b"a\xffb".decode("latin-1"), b"ab".hex(), bytes.fromhex("6162"))
print(bytes(3), bytes([1, 2]), bytes("é", "utf-8"), rb"\n", b"a" b"b", b"%d-%s" % (5, b"x"), b"ab".startswith(b"a"))
print({b"k": 1}[b"k"], b"'", b'"', b"'\"", b"\t\n\\", bool(b""), bool(b"\0"))
for x in b"ab":
    print(x)
for bad in range(5):
    try:
        if bad == 0:
            print(b"a" + "b")
        elif bad == 1:
            print(b"\xff".decode())
        elif bad == 2:
            print(b"a"[3])
        elif bad == 3:
            print(bytes([256]))
        else:
            print("é".encode("ascii"))
    except (TypeError, IndexError, ValueError) as e:
        print(type(e).__name__, e)
