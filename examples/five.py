# A list of five with no item twice: what was said is taken out of the options for the next line.
import aici

FRUITS = [
    "Apple", "Apricot", "Banana", "Blueberry", "Cherry", "Grape", "Kiwi", "Lemon",
    "Mango", "Orange", "Peach", "Pear", "Pineapple", "Plum", "Raspberry", "Strawberry",
]


async def five():
    await aici.FixedTokens("<|im_start|>user\nName five fruits.<|im_end|>\n<|im_start|>assistant\nHere are five fruits:\n")
    left = FRUITS.copy()
    for i in range(5):
        await aici.FixedTokens(f"\n{i + 1}.")
        line = await aici.gen_text(options=[f" {fruit}\n" for fruit in left], max_tokens=10)
        left.remove(line.strip())
    aici.set_var("fruits", ", ".join(fruit for fruit in FRUITS if fruit not in left))


aici.start(five())
