/* Owns the disk of a profile: folders, the lock, and when the file is read and
 * replaced. */
#include "profile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/fd.h"
#include "base/secret.h"
#include "wire/text.h"

#include "base/cc.h"

#define FILE_NAME "profile.json"
#define FILE_TEMP ".profile.json.new" /* what bb_replace_at calls it */
#define LOCK_NAME "lock"

static int
refuse(char why[WHY_MAX], int err, const char *clause)
{
	(void)snprintf(why, WHY_MAX, "%s", clause);
	errno = err;
	return -1;
}

static int
refuse_sys(char why[WHY_MAX])
{
	int err = errno;

	return refuse(why, err, strerror(err));
}

const char *
profiles_folder(const char *option)
{
	static char path[PATH_MAX];
	const char *from = option != NULL ? option : getenv("BB_PROFILES");
	const char *home = getenv("HOME");
	int n;

	if (from != NULL && *from != '\0')
		return from;
	if (home == NULL || *home == '\0')
		bb_die(BB_EXIT_USAGE,
		    "unable to find the profiles: neither --profiles nor "
		    "BB_PROFILES nor HOME is set");
	n = snprintf(path, sizeof(path), "%s/.config/bbdevice", home);
	if (n < 0 || (size_t)n >= sizeof(path))
		bb_die(BB_EXIT_USAGE,
		    "unable to find the profiles: HOME is too long");
	return path;
}

/* Makes each folder of a path that is not there, for its owner alone. */
static int
make_folders(const char *path)
{
	char part[PATH_MAX];
	size_t at, len = strlen(path);

	if (len == 0 || len >= sizeof(part)) {
		errno = len == 0 ? ENOENT : ENAMETOOLONG;
		return -1;
	}
	for (at = 1; at <= len; at++) {
		if (path[at] != '/' && path[at] != '\0')
			continue;
		memcpy(part, path, at);
		part[at] = '\0';
		if (mkdir(part, 0700) == -1 && errno != EEXIST)
			return -1;
	}
	return 0;
}

/* Nobody else may replace what is in it, nor read a key there. */
static int
check_folder(int fd, char why[WHY_MAX])
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return refuse_sys(why);
	if (st.st_uid != geteuid())
		return refuse(why, EACCES,
		    "its folder belongs to another user");
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return refuse(why, EACCES,
		    "its folder can be used by others; chmod 700 it");
	return 0;
}

/* The lock has two bytes.  Byte 0: the file is being read and changed.  Byte 1
 * is shared by those who do that for a moment, and is the own of the one that
 * holds the profile as long as it lives: of that one nobody waits. */
enum { LOCK_FILE, LOCK_HOLDER };

static int
lock_byte(int fd, int command, short type, off_t byte)
{
	struct flock lock = { .l_type = type,
		.l_whence = SEEK_SET,
		.l_start = byte,
		.l_len = 1 };
	int rc;

	do {
		rc = fcntl(fd, command, &lock);
	} while (rc == -1 && errno == EINTR);
	if (rc == -1 && errno == EACCES)
		errno = EAGAIN;
	return rc;
}

/* The process that holds the profile, or 0. */
static pid_t
find_holder(int fd)
{
	struct flock lock = { .l_type = F_RDLCK,
		.l_whence = SEEK_SET,
		.l_start = LOCK_HOLDER,
		.l_len = 1 };

	if (fcntl(fd, F_GETLK, &lock) == -1 || lock.l_type != F_WRLCK)
		return 0;
	return lock.l_pid;
}

static int
refuse_held(int fd, char why[WHY_MAX])
{
	(void)snprintf(why, WHY_MAX, "process %ld holds it",
	    (long)find_holder(fd));
	errno = EBUSY;
	return -1;
}

/* EBUSY: somebody holds the profile.  EINPROGRESS: we want to hold it, and
 * somebody uses it just now. */
static int
lock_both(struct profile *p, char why[WHY_MAX])
{
	short type = p->live ? F_WRLCK : F_RDLCK;

	if (lock_byte(p->lock, F_SETLK, type, LOCK_HOLDER) == -1) {
		if (errno != EAGAIN)
			return refuse_sys(why);
		if (!p->live || find_holder(p->lock) != 0)
			return refuse_held(p->lock, why);
		return refuse(why, EINPROGRESS, "it is in use");
	}
	if (lock_byte(p->lock, F_SETLKW, F_WRLCK, LOCK_FILE) == -1)
		return refuse_sys(why);
	return 0;
}

/* Opens the folder of a PIN and takes its lock.  EAGAIN: it was removed while
 * we waited for the lock. */
static int
try_lock(struct profile *p, int base, char why[WHY_MAX])
{
	char name[BB_PIN_TEXT_MAX];
	struct stat st;

	bb_text_pin(p->pin, name);
	p->folder =
	    openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (p->folder == -1)
		return errno == ENOENT ? refuse(why, ENOENT, "there is none")
				       : refuse_sys(why);
	if (check_folder(p->folder, why) == -1)
		return -1;
	p->lock = openat(p->folder, LOCK_NAME,
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (p->lock == -1)
		return refuse_sys(why);
	if (lock_both(p, why) == -1)
		return -1;
	if (fstat(p->lock, &st) == -1)
		return refuse_sys(why);
	if (st.st_nlink == 0)
		return refuse(why, EAGAIN, "it was removed");
	return 0;
}

static void
unlock(struct profile *p)
{
	int err = errno;

	if (p->lock != -1)
		(void)close(p->lock);
	if (p->folder != -1)
		(void)close(p->folder);
	p->lock = p->folder = -1;
	errno = err;
}

static int
lock_profile(struct profile *p, const char *folder, char why[WHY_MAX])
{
	int base, rc, err;

	base = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (base == -1)
		return errno == ENOENT ? refuse(why, ENOENT, "there is none")
				       : refuse_sys(why);
	while ((rc = try_lock(p, base, why)) == -1 && errno == EAGAIN)
		unlock(p);
	err = errno;
	(void)close(base);
	errno = err;
	return rc;
}

static int
read_file(struct profile *p, struct bb_buf *text, char why[WHY_MAX])
{
	int fd, rc, err;

	fd = openat(p->folder, FILE_NAME,
	    O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	if (fd == -1)
		return errno == ENOENT ? refuse(why, ENOENT, "there is none")
				       : refuse_sys(why);
	rc = bb_read_all(fd, text);
	err = errno;
	(void)close(fd);
	errno = err;
	return rc == -1 ? refuse_sys(why) : 0;
}

static void
begin(struct profile *p, uint32_t pin)
{
	*p = (struct profile){ .pin = pin, .folder = -1, .lock = -1 };
}

static int
load(struct profile *p, char why[WHY_MAX])
{
	struct bb_buf text = BB_BUF_SECRET(PROFILE_JSON_MAX);
	int rc = -1, err;

	if (read_file(p, &text, why) == 0)
		rc =
		    profile_scan(p, bb_buf_data(&text), bb_buf_len(&text), why);
	err = errno;
	bb_buf_clear(&text);
	errno = err;
	return rc;
}

int
profile_open(struct profile *p, const char *folder, uint32_t pin,
    char why[WHY_MAX])
{
	begin(p, pin);
	return lock_profile(p, folder, why) == -1 ? -1 : load(p, why);
}

int
profile_hold(struct profile *p, const char *folder, uint32_t pin,
    char why[WHY_MAX])
{
	begin(p, pin);
	p->live = true;
	return lock_profile(p, folder, why) == -1 ? -1 : load(p, why);
}

/* The file is replaced whole: reading it needs no lock. */
int
profile_look(struct profile *p, const char *folder, uint32_t pin, pid_t *holder,
    char why[WHY_MAX])
{
	char path[PATH_MAX], name[BB_PIN_TEXT_MAX];
	int n, lock;

	begin(p, pin);
	*holder = 0;
	bb_text_pin(pin, name);
	n = snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (n < 0 || (size_t)n >= sizeof(path))
		return refuse(why, ENAMETOOLONG, "the path is too long");
	p->folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (p->folder == -1)
		return errno == ENOENT ? refuse(why, ENOENT, "there is none")
				       : refuse_sys(why);
	if (check_folder(p->folder, why) == -1)
		return -1;
	lock = openat(p->folder, LOCK_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (lock != -1) {
		*holder = find_holder(lock);
		(void)close(lock);
	}
	return load(p, why);
}

int
profile_save(struct profile *p)
{
	struct bb_buf text = BB_BUF_SECRET(PROFILE_JSON_MAX);
	int rc, err;

	rc = profile_print(p, &text);
	if (rc == 0)
		rc = bb_replace_at(p->folder, FILE_NAME, bb_buf_data(&text),
		    bb_buf_len(&text));
	err = errno;
	bb_buf_clear(&text);
	errno = err;
	return rc;
}

/* A folder without a file is what a crash left: it is used. */
int
profile_create(struct profile *p, const char *folder, char why[WHY_MAX])
{
	char path[PATH_MAX], name[BB_PIN_TEXT_MAX];
	struct stat st;
	int n;

	bb_text_pin(p->pin, name);
	n = snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (n < 0 || (size_t)n >= sizeof(path))
		return refuse(why, ENAMETOOLONG, "the path is too long");
	if (make_folders(path) == -1)
		return refuse_sys(why);
	if (lock_profile(p, folder, why) == -1)
		return -1;
	if (fstatat(p->folder, FILE_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return refuse(why, EEXIST, "there is one already");
	if (errno != ENOENT)
		return refuse_sys(why);
	bb_random(p->numbering.id, sizeof(p->numbering.id));
	p->numbering.next = 1;
	p->numbering.held = json_array();
	p->later = json_array();
	return profile_save(p) == -1 ? refuse_sys(why) : 0;
}

/* Other files in the folder are not ours: they keep it. */
int
profile_remove(const char *folder, uint32_t pin, char why[WHY_MAX])
{
	struct profile p;
	char path[PATH_MAX], name[BB_PIN_TEXT_MAX];
	int n, rc = -1;

	begin(&p, pin);
	bb_text_pin(pin, name);
	n = snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (n < 0 || (size_t)n >= sizeof(path))
		return refuse(why, ENAMETOOLONG, "the path is too long");
	if (lock_profile(&p, folder, why) == -1)
		goto out;
	if ((unlinkat(p.folder, FILE_NAME, 0) == -1 && errno != ENOENT) ||
	    (unlinkat(p.folder, FILE_TEMP, 0) == -1 && errno != ENOENT) ||
	    unlinkat(p.folder, LOCK_NAME, 0) == -1 || rmdir(path) == -1)
		(void)refuse_sys(why);
	else
		rc = 0;
out:
	unlock(&p);
	return rc;
}

void
profile_close(struct profile *p)
{
	int err = errno;

	unlock(p);
	json_decref(p->numbering.held);
	json_decref(p->kept.held);
	json_decref(p->later);
	json_decref(p->via);
	bb_wipe(p, sizeof(*p));
	p->folder = p->lock = -1;
	errno = err;
}
