/*
 * svg.h - pictures as SVG: lines, bars, points and text of fixed sizes, in an order that makes the same
 * bytes every time.
 *
 * Coordinates are pixels from the upper left corner, written with two digits. Text is escaped; what is not
 * UTF-8, and what XML has no place for, becomes question marks. A stream that failed shows
 * when the file is committed.
 */
#ifndef CLI_SVG_H
#define CLI_SVG_H

#include <stdint.h>
#include <stdio.h>

enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };

enum { SVG_FONT_PIXELS = 12 };

void svg_begin(FILE *to, double width, double height, const char *title);
void svg_end(FILE *to);

void svg_line(FILE *to, double x1, double y1, double x2, double y2, const char *colour);
void svg_bar(FILE *to, double x, double y, double width, double height, const char *colour);

/* With what a viewer shows of it when it is pointed at. */
void svg_point(FILE *to, double x, double y, const char *colour, const char *what);
void svg_text(FILE *to, double x, double y, enum svg_anchor anchor, const char *text);

/* Colours that can be told apart, also by the colour-blind (Okabe and Ito); they come again after the last. */
const char *svg_colour(uint32_t number);

/* Steps of an axis: 1, 2 or 5 times a power of ten, at most `most` in a range above 0. */
double svg_step(double range, int most);

#endif
