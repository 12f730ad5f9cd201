# Classification: the model may only say one of the options, so the answer needs no parsing.
import aici

REVIEWS = [
    "I love this phone, the battery lasts for days.",
    "The soup was cold and the waiter was rude.",
    "A wonderful film, I would watch it again tomorrow.",
    "It broke after one week and nobody answers my mails.",
]


async def classify(review):
    await aici.FixedTokens(
        "<|im_start|>user\nIs the sentiment of this review positive or negative?\n"
        f"{review}<|im_end|>\n<|im_start|>assistant\nThe sentiment is"
    )
    return (await aici.gen_text(options=[" positive", " negative"])).strip()


async def sentiment():
    start = aici.Label()
    counts = {"positive": 0, "negative": 0}
    for i, review in enumerate(REVIEWS):
        # each review starts from the same place: the model does not see the ones before
        await aici.FixedTokens("", following=start)
        label = await classify(review)
        counts[label] += 1
        aici.set_var(f"review{i}", label)
    aici.set_var("summary", f"{counts['positive']} positive, {counts['negative']} negative")


aici.start(sentiment())
