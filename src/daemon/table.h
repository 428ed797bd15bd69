/*
 * table.h - lines of the tables that dayshiftd shows to people: a name, a value, a remark ("": none).
 */
#ifndef DAEMON_TABLE_H
#define DAEMON_TABLE_H

#include <stdint.h>
#include <stdio.h>

void table_text(FILE *to, const char *name, const char *value, const char *remark);
void table_count(FILE *to, const char *name, uint64_t count, const char *remark);
void table_time(FILE *to, const char *name, int64_t ns, const char *remark);

#endif
