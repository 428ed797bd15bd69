#include "emit/link_filter.h"

#include <sys/socket.h>

int link_filter_attach(int fd, struct sock_filter *code, unsigned short length)
{
    const struct sock_fprog program = { length, code };

    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}
