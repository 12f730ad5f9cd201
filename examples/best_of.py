# Best of n: branches answer in parallel over a shared KV prefix, and the first branch counts the votes.
# Try it with --temperature 1: the branches then differ.
import aici

VOTERS = 5
NAMES = [f"vote{i}" for i in range(1, VOTERS + 1)]


async def best_of():
    await aici.FixedTokens(
        "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\nThe capital of France is"
    )
    me = await aici.fork(VOTERS + 1)
    if me > 0:
        await aici.gen_text(regex=r" [A-Z][a-z]{2,12}\.", max_tokens=8, store_var=NAMES[me - 1])
        return

    votes = {}
    for answer in await aici.wait_vars(*NAMES):
        votes[answer] = votes.get(answer, 0) + 1
    best = max(votes, key=lambda answer: votes[answer])
    print("votes:", {answer.decode(): count for answer, count in votes.items()})
    aici.set_var("winner", best.strip())
    await aici.FixedTokens(best)


aici.start(best_of())
