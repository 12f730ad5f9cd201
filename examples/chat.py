# A chat of three turns whose answers cannot be anything but a short quoted word: the regex ends each at the quote.
import aici

QUESTION = "<|im_start|>user\nWhat is the word hello in {0}?<|im_end|>\n<|im_start|>assistant\n"


async def translate(language):
    await aici.FixedTokens(QUESTION.format(language))
    await aici.FixedTokens(f'The word hello in {language} is "')
    word = await aici.gen_text(regex=r'[^"\n]{1,20}"', max_tokens=12)
    await aici.FixedTokens("<|im_end|>\n")
    aici.set_var(language.lower(), word.rstrip('"'))


async def chat():
    for language in ["French", "German", "Spanish"]:
        await translate(language)
        print(language, "->", aici.get_var(language.lower()).decode())


aici.start(chat())
