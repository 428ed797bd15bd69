#include "cli/host_choice.h"

#include <stdlib.h>
#include <string.h>

#include "base/input_file.h"
#include "base/memory.h"
#include "cli/options.h"

enum { HOST_WORD = 80, HOSTS_LINE = 4096 };

void host_choice_release(struct host_choice *choice)
{
    free(choice->local);
    free(choice->hosts);
    host_names_free(choice->names);
}

int host_choice_add_local(struct host_choice *choice, const char *text, struct error *err)
{
    struct ip_network network;
    struct error names = { "" };

    if (option_network("--local", text, &network, err) < 0 &&
        (strchr(text, '/') || strpbrk(text, "*") == NULL ||
         host_names_network(choice->names, text, &network, &names) < 0))
        return -1;
    choice->local = memory_grow(choice->local, &choice->local_capacity, choice->local_count + 1,
                                sizeof *choice->local);
    choice->local[choice->local_count++] = network;
    return 0;
}

static int read_host(struct host_choice *choice, const char *word, struct ip_address *host)
{
    struct error ignored;

    if (ip_address_parse(host, word) == 0)
        return 0;
    return host_name_is_valid(word, strlen(word))
               ? host_names_add(choice->names, word, strlen(word), host, &ignored)
               : -1;
}

/* The first word of a line that is not a comment. */
static int read_hosts_line(struct host_choice *choice, const char *line, size_t size, size_t *capacity,
                           int number, struct error *err)
{
    static const char separators[] = " \t,";
    char word[HOST_WORD + 1];
    size_t begin = 0;
    size_t length = 0;

    while (begin < size && strchr(separators, line[begin]))
        begin++;
    while (begin + length < size && length < HOST_WORD && !strchr(separators, line[begin + length]))
        length++;
    memcpy(word, line + begin, length);
    word[length] = '\0';
    if (*word == '\0' || *word == '#')
        return 0;
    choice->hosts = memory_grow(choice->hosts, capacity, choice->host_count + 1, sizeof *choice->hosts);
    if (read_host(choice, word, &choice->hosts[choice->host_count++]) < 0)
        return error_set(err, "%s:%d: '%s' is neither an address nor a name", choice->file, number, word);
    return 0;
}

int host_choice_read(struct host_choice *choice, struct error *err)
{
    struct input_file *file;
    size_t capacity = 0;
    const char *line;
    size_t size;
    int status = 0;

    if (choice->file == NULL)
        return 0;
    file = input_file_open(choice->file, err);
    if (file == NULL)
        return -1;
    for (int number = 1; status == 0 && (line = input_file_line(file, HOSTS_LINE, &size)); number++)
        status = size == SIZE_MAX
                     ? error_set(err, "%s:%d: the line is longer than %d bytes", choice->file, number,
                                 HOSTS_LINE)
                     : read_hosts_line(choice, line, size, &capacity, number, err);
    if (status == 0 && input_file_damage(file))
        status = error_set(err, "%s: cannot read: %s", choice->file, input_file_damage(file));
    input_file_close(file);
    if (status == 0 && choice->host_count == 0)
        status = error_set(err, "%s: no address in it", choice->file);
    return status;
}
