import math

for a in (0.0, -0.0, 1.5, -2.25, 1e300, 1e-300, 0.1):
    for b in (1.0, -3.5, 2, 1e10):
        print(a + b, a - b, a * b, a / b, a // b, a % b, a < b, a == b)
print(1e308 * 10, -1e308 * 10, float("nan") == float("nan"), float("inf"), float("-inf"), float(" 1.5 "))
print(repr(0.1 + 0.2), str(1e16), 1e15, 123456789.123456789, 1e-5, 0.0001, 5e-324)
print(2.0**0.5, 2**0.5, (-8.0) ** 3, 4.0**-1)
print(int(1e15), float(10**15), float(3), float(True), float())
print((1.5).is_integer(), (2.0).is_integer(), (0.75).as_integer_ratio())
print(round(2.675, 2), round(0.5), round(1.5), round(1e20), round(-1.5))
print(math.pi, math.sqrt(2), math.floor(-1.5), math.ceil(1.2), math.trunc(-1.7), math.inf, math.isnan(math.nan))
print(math.gcd(12, 18), math.factorial(20), math.log(math.e), math.log2(8), math.log10(1000), math.exp(0))
print(1 == 1.0, {1: "a", 1.0: "b", True: "c"}, 2**53 == float(2**53), 2**53 + 1 == float(2**53))
print(0.1 < 1, 10**400 > 1e300, -(10**400) < float("-1e300"))
print([x / 4 for x in range(-4, 5)])
print(f"{3.14159:.2f} {1e10:g} {0.5:%} {12345.678:,.1f} {-1.5:+} {2:.3e} {float('nan')} {1.0}")
try:
    print(float("abc"))
except ValueError as e:
    print(e)
try:
    print(int(float("nan")))
except ValueError as e:
    print(e)
try:
    print(int(float("inf")))
except OverflowError as e:
    print(e)
try:
    print(10.0**400)
except OverflowError as e:
    print(e)
try:
    print(10**400 / 3)
except OverflowError as e:
    print(e)
try:
    print(math.sqrt(-1))
except ValueError as e:
    print(e)
