#include "cli/svg.h"

#include <jansson.h>
#include <math.h>

#include "cli/cli.h"

void svg_begin(FILE *to, double width, double height, const char *title)
{
    fprintf(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\""
                " viewBox=\"0 0 %.0f %.0f\" font-family=\"sans-serif\" font-size=\"%d\">\n",
            width, height, width, height, SVG_FONT_PIXELS);
    svg_bar(to, 0, 0, width, height, "#ffffff");
    svg_text(to, 10, 20, SVG_START, title);
}

void svg_end(FILE *to)
{
    fputs("</svg>\n", to);
}

/* JSON takes UTF-8 only: what it takes is that. Control characters are not in XML. */
static void put_escaped(FILE *to, const char *text)
{
    json_t *valid = cli_json_text(text);

    for (const char *c = json_string_value(valid); *c; c++) {
        switch (*c) {
        case '<': fputs("&lt;", to); break;
        case '>': fputs("&gt;", to); break;
        case '&': fputs("&amp;", to); break;
        case '"': fputs("&quot;", to); break;
        default: fputc((unsigned char)*c < ' ' || *c == 0x7f ? '?' : *c, to); break;
        }
    }
    json_decref(valid);
}

void svg_line(FILE *to, double x1, double y1, double x2, double y2, const char *colour)
{
    fprintf(to, "<line x1=\"%.2f\" y1=\"%.2f\" x2=\"%.2f\" y2=\"%.2f\" stroke=\"%s\"/>\n", x1, y1, x2, y2,
            colour);
}

void svg_bar(FILE *to, double x, double y, double width, double height, const char *colour)
{
    fprintf(to, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"%s\"/>\n", x, y, width,
            height, colour);
}

void svg_point(FILE *to, double x, double y, const char *colour, const char *what)
{
    fprintf(to, "<circle cx=\"%.2f\" cy=\"%.2f\" r=\"4\" fill=\"%s\" fill-opacity=\"0.7\"><title>", x, y,
            colour);
    put_escaped(to, what);
    fputs("</title></circle>\n", to);
}

void svg_text(FILE *to, double x, double y, enum svg_anchor anchor, const char *text)
{
    static const char *const anchors[] = { [SVG_START] = "start", [SVG_MIDDLE] = "middle",
                                           [SVG_END] = "end" };

    fprintf(to, "<text x=\"%.2f\" y=\"%.2f\" text-anchor=\"%s\">", x, y, anchors[anchor]);
    put_escaped(to, text);
    fputs("</text>\n", to);
}

const char *svg_colour(uint32_t number)
{
    static const char *const colours[] = { "#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                           "#e69f00", "#56b4e9", "#000000", "#f0e442" };

    return colours[number % (sizeof colours / sizeof *colours)];
}

double svg_step(double range, int most)
{
    double power = pow(10, floor(log10(range / most)));
    double step = power;

    for (int i = 0; range / step > most; i++)
        step *= i % 3 == 1 ? 2.5 : 2; /* 1, 2, 5, 10 */
    return step;
}
