/* References: the work that cannot be saved, done by the libraries alone. */
#include <openssl/evp.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#include "bench.h"
#include "micro.h"

#include "base/cc.h"

const char micro_message[] =
    "{\"op\":\"send\",\"n\":123,\"to\":\"user0042\",\"text\":\"The minutes of "
    "Wednesday's meeting are in the folder; can you look at page four before "
    "noon and tell Janet whether the figures for March add up?\",\"ack\":41}";

/* --- AES-256-GCM, key kept, new nonce and tag ------------------------------
 */

static EVP_CIPHER_CTX *gcm;

static void
ref_gcm(int64_t n)
{
	uint8_t plain[256] = { 0 }, out[256], nonce[12] = { 0 }, tag[16];
	int len;

	while (n-- > 0) {
		memcpy(nonce, &n, sizeof(n));
		if (EVP_EncryptInit_ex(gcm, NULL, NULL, NULL, nonce) != 1 ||
		    EVP_EncryptUpdate(gcm, out, &len, plain, sizeof(plain)) !=
			1 ||
		    EVP_EncryptFinal_ex(gcm, out + len, &len) != 1 ||
		    EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, sizeof(tag),
			tag) != 1)
			bench_fail("AES-256-GCM");
	}
}

/* --- deflate and inflate, one stream for all -------------------------------
 */

static z_stream packer, unpacker;
static uint8_t packed[512];
static size_t packed_len;

static void
ref_deflate(int64_t n)
{
	while (n-- > 0) {
		packer.next_in = (const Bytef *)micro_message;
		packer.avail_in = MICRO_MESSAGE_LEN;
		packer.next_out = packed;
		packer.avail_out = sizeof(packed);
		if (deflateReset(&packer) != Z_OK ||
		    deflate(&packer, Z_FINISH) != Z_STREAM_END)
			bench_fail("deflate");
	}
	packed_len = sizeof(packed) - packer.avail_out;
}

static void
ref_inflate(int64_t n)
{
	uint8_t out[512];

	if (packed_len == 0)
		ref_deflate(1);
	while (n-- > 0) {
		unpacker.next_in = packed;
		unpacker.avail_in = (uInt)packed_len;
		unpacker.next_out = out;
		unpacker.avail_out = sizeof(out);
		if (inflateReset(&unpacker) != Z_OK ||
		    inflate(&unpacker, Z_FINISH) != Z_STREAM_END)
			bench_fail("inflate");
	}
}

/* --- X25519 ----------------------------------------------------------------
 */

static EVP_PKEY *mine, *other;

static void
ref_x25519(int64_t n)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(mine, NULL);
	uint8_t out[32];
	size_t len;

	if (ctx == NULL || EVP_PKEY_derive_init(ctx) != 1 ||
	    EVP_PKEY_derive_set_peer(ctx, other) != 1)
		bench_fail("X25519");
	while (n-- > 0) {
		len = sizeof(out);
		if (EVP_PKEY_derive(ctx, out, &len) != 1)
			bench_fail("X25519");
	}
	EVP_PKEY_CTX_free(ctx);
}

/* --- one admission: read the count, a row in, the oldest out ---------------
 */

static sqlite3 *db;
static int64_t next_row = 1000;

enum { R_BEGIN, R_COUNT, R_INSERT, R_DELETE, R_RAISE, R_COMMIT, R_LEN };
static sqlite3_stmt *statements[R_LEN];
static const char *const texts[R_LEN] = {
	[R_BEGIN] = "BEGIN IMMEDIATE",
	[R_COUNT] = "SELECT open FROM counter",
	[R_INSERT] = "INSERT INTO session VALUES (?1, 'user', 'local', 1, ?1)",
	[R_DELETE] = "DELETE FROM session WHERE pin = ?1 - 1000",
	[R_RAISE] = "UPDATE counter SET open = open + 0",
	[R_COMMIT] = "COMMIT",
};

static void
ref_admission(int64_t n)
{
	int i, rc;

	for (; n > 0; n--, next_row++) {
		for (i = 0; i < R_LEN; i++) {
			if (i == R_INSERT || i == R_DELETE)
				sqlite3_bind_int64(statements[i], 1, next_row);
			rc = sqlite3_step(statements[i]);
			if (rc != SQLITE_DONE && rc != SQLITE_ROW)
				bench_fail("%s", sqlite3_errmsg(db));
			sqlite3_reset(statements[i]);
		}
	}
}

static void
open_store(const char *dir)
{
	static const char schema[] =
	    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
	    "CREATE TABLE session (pin INTEGER PRIMARY KEY, user TEXT,"
	    " service TEXT, owner INTEGER, last INTEGER);"
	    "CREATE TABLE counter (open INTEGER);"
	    "INSERT INTO counter VALUES (1000);"
	    "WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c"
	    " WHERE n < 999) INSERT INTO session SELECT n, 'user', 'local', 1,"
	    " n FROM c;";
	char path[2 * BENCH_PATH_MAX];
	int i;

	(void)snprintf(path, sizeof(path), "%s/reference.db", dir);
	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_exec(db, schema, NULL, NULL, NULL) != SQLITE_OK)
		bench_fail("%s", sqlite3_errmsg(db));
	for (i = 0; i < R_LEN; i++)
		if (sqlite3_prepare_v2(db, texts[i], -1, &statements[i],
			NULL) != SQLITE_OK)
			bench_fail("%s", sqlite3_errmsg(db));
}

void
micro_ref_begin(const char *dir)
{
	static const uint8_t key[32] = { 1 };

	gcm = EVP_CIPHER_CTX_new();
	mine = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	other = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	if (gcm == NULL || mine == NULL || other == NULL ||
	    EVP_EncryptInit_ex(gcm, EVP_aes_256_gcm(), NULL, key, NULL) != 1)
		bench_fail("OpenSSL");
	if (deflateInit2(&packer, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) !=
		Z_OK ||
	    inflateInit2(&unpacker, -15) != Z_OK)
		bench_fail("zlib");
	open_store(dir);
}

void
micro_ref_end(void)
{
	int i;

	for (i = 0; i < R_LEN; i++)
		sqlite3_finalize(statements[i]);
	sqlite3_close(db);
	(void)deflateEnd(&packer);
	(void)inflateEnd(&unpacker);
	EVP_PKEY_free(mine);
	EVP_PKEY_free(other);
	EVP_CIPHER_CTX_free(gcm);
}

/* clang-format off */
const struct micro micro_refs[] = {
	{ "reference: AES-256-GCM, 256 bytes, key kept",     "ref_gcm",       NULL, ref_gcm },
	{ "reference: deflate, 200 bytes, stream kept",      "ref_deflate",   NULL, ref_deflate },
	{ "reference: inflate of that",                      "ref_inflate",   NULL, ref_inflate },
	{ "reference: X25519",                               "ref_x25519",    NULL, ref_x25519 },
	{ "reference: SQLite admission, 1000 held, NORMAL",  "ref_admission", NULL, ref_admission },
};
/* clang-format on */
const size_t micro_refs_len = BB_LEN(micro_refs);
