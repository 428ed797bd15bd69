#include "daemon/table.h"

#include "base/text.h"

void table_text(FILE *to, const char *name, const char *value, const char *remark)
{
    fprintf(to, "  %-22s %15s%s%s\n", name, value, *remark ? "  " : "", remark);
}

void table_count(FILE *to, const char *name, uint64_t count, const char *remark)
{
    char text[TEXT_NUMBER];

    table_text(to, name, text_from_count(count, text), remark);
}

void table_time(FILE *to, const char *name, int64_t ns, const char *remark)
{
    char text[TEXT_NUMBER];

    table_text(to, name, text_from_ns(ns, text), remark);
}
