# Extraction into JSON: the braces, keys and line breaks are fixed text, only the values are generated, each under its
# own regex. What comes out always parses.
import aici
import json

TEXT = "Anna Berg is 34 years old. She works as a nurse and lives in Oslo."


async def extract():
    await aici.FixedTokens(
        "<|im_start|>user\nExtract name, age and city as JSON from this text.\n"
        f"{TEXT}<|im_end|>\n<|im_start|>assistant\n"
    )
    label = aici.Label()
    await aici.FixedTokens('{\n  "name": "')
    await aici.gen_text(regex=r'[A-Z][a-z]{1,15} [A-Z][a-z]{1,15}"', max_tokens=12)
    await aici.FixedTokens(',\n  "age":')
    await aici.gen_text(regex=r" [1-9][0-9]?,", max_tokens=5)
    await aici.FixedTokens('\n  "city": "')
    await aici.gen_text(regex=r'[A-Z][a-z]{1,15}"', max_tokens=8)
    await aici.FixedTokens("\n}")

    person = json.loads(label.text_since())
    assert sorted(person) == ["age", "city", "name"]
    aici.set_var("person", json.dumps(person, sort_keys=True))


aici.start(extract())
