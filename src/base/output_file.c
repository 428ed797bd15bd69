#include "base/output_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

static void set_usual_mode(int fd)
{
    mode_t mask = umask(0);

    umask(mask);
    (void)fchmod(fd, 0666 & ~mask); /* mkstemp made it 0600 */
}

int output_file_open(struct output_file *file, const char *path, struct error *err)
{
    size_t size = strlen(path) + sizeof ".XXXXXX";
    int fd;

    memset(file, 0, sizeof *file);
    if (strcmp(path, "-") == 0) {
        file->stream = stdout;
        return 0;
    }
    file->temporary = memory_alloc(size);
    snprintf(file->temporary, size, "%s.XXXXXX", path);
    fd = mkstemp(file->temporary);
    if (fd < 0) {
        error_set(err, "%s: cannot create: %s", path, strerror(errno));
        free(file->temporary);
        file->temporary = NULL;
        return -1;
    }
    set_usual_mode(fd);
    file->stream = fdopen(fd, "wb");
    file->path = memory_copy_text(path);
    return 0;
}

static void forget(struct output_file *file)
{
    free(file->temporary);
    free(file->path);
    memset(file, 0, sizeof *file);
}

int output_file_commit(struct output_file *file, struct error *err)
{
    int status = fflush(file->stream) == 0 && !ferror(file->stream) ? 0 : -1;

    if (file->temporary == NULL) {
        if (status < 0)
            error_set(err, "standard output: cannot write: %s", strerror(errno));
        file->stream = NULL;
        return status;
    }
    if (fclose(file->stream) != 0)
        status = -1;
    if (status == 0 && rename(file->temporary, file->path) != 0)
        status = -1;
    if (status < 0) {
        error_set(err, "%s: cannot write: %s", file->path, strerror(errno));
        unlink(file->temporary);
    }
    forget(file);
    return status;
}

void output_file_abandon(struct output_file *file)
{
    if (file->stream != NULL && file->temporary != NULL) {
        fclose(file->stream);
        unlink(file->temporary);
    }
    forget(file);
}
