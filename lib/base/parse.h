/* The three answers of every parser of a peer's bytes. */
#ifndef BB_BASE_PARSE_H
#define BB_BASE_PARSE_H

enum bb_parse {
	BB_PARSE_OK,   /* the value is set and its bytes are consumed */
	BB_PARSE_MORE, /* nothing consumed: bring more bytes */
	BB_PARSE_BAD   /* the peer is wrong; no later byte can mend it */
};

#endif
