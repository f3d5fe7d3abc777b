/* fuzz_replay.c - see fuzz_replay.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/fuzz_replay.h"

#include "base/fsutil.h"
#include "base/str.h"

#include <fcntl.h>

struct folder {
    const struct fuzz_replay *replay;
    const char *path;
    bool is_good;
    unsigned int count;
};

static int replay_file(int dir_fd, const char *name, unsigned char type, void *context,
                       struct mcpd_error *err)
{
    struct folder *folder = context;
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;

    (void)type;
    (void)err;
    assert_int_equal(fs_read_file(dir_fd, name, 8u << 20, &text, &length, NULL), 0);
    if (folder->replay->accepts(text, length) != folder->is_good)
        fail_msg("%s/%s was %s", folder->path, name, folder->is_good ? "refused" : "taken");
    assert_int_equal(folder->replay->fuzz((const uint8_t *)text, length), 0);
    folder->count++;
    return 0;
}

/* Tests run from the top of the tree. */
static void replay_folder(const struct fuzz_replay *replay, const char *kind, bool is_good)
{
    CLEANUP_FREE char *path = str_format("tests/fuzz/%s/%s", kind, replay->name);
    struct folder folder = {.replay = replay, .path = path, .is_good = is_good};

    assert_non_null(path);
    assert_int_equal(fs_visit_dir(AT_FDCWD, path, replay_file, &folder, NULL), 0);
    assert_true(folder.count >= 3);
}

void fuzz_replay(const struct fuzz_replay *replay)
{
    replay_folder(replay, "corpus", true);
    replay_folder(replay, "reject", false);
}
