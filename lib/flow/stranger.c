/* Limits of links that nobody vouches for. */
#include "flow/stranger.h"

#include "base/cc.h"

enum bb_stranger_verdict
bb_stranger_part(const struct bb_stranger *link, size_t len)
{
	if (link->proved || len == 0)
		return BB_STRANGER_PASS;
	if (link->frames >= BB_STRANGER_FRAMES_MAX)
		return BB_STRANGER_FRAMES;
	/* The first frame may be as long as a frame can be. */
	if (link->frames > 0 && (link->bytes > BB_STRANGER_BYTES_MAX ||
				    len > BB_STRANGER_BYTES_MAX - link->bytes))
		return BB_STRANGER_BYTES;
	return BB_STRANGER_PASS;
}

enum bb_stranger_verdict
bb_stranger_frame(struct bb_stranger *link, size_t frame_len)
{
	enum bb_stranger_verdict verdict = bb_stranger_part(link, frame_len);

	if (verdict != BB_STRANGER_PASS || link->proved)
		return verdict;
	link->frames++;
	link->bytes += (uint32_t)frame_len;
	return BB_STRANGER_PASS;
}

bool
bb_stranger_late(const struct bb_stranger *link, int64_t age_ms)
{
	return !link->proved && age_ms >= BB_STRANGER_MS_MAX;
}

void
bb_stranger_prove(struct bb_stranger *link)
{
	link->proved = true;
	link->hints = 0;
}

enum bb_stranger_hint
bb_stranger_hint(struct bb_stranger *link, int64_t now_ms, bool counted)
{
	if (counted && link->hints >= BB_STRANGER_HINTS_MAX)
		return BB_STRANGER_HINT_CLOSE;
	link->hints = (uint8_t)(link->hints + counted);
	if (link->hinted &&
	    (uint32_t)now_ms - link->hint_ms < BB_STRANGER_HINT_MS)
		return BB_STRANGER_HINT_KEEP;
	link->hinted = true;
	link->hint_ms = (uint32_t)now_ms;
	return BB_STRANGER_HINT_SEND;
}
