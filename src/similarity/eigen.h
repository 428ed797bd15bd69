/*
 * eigen.h - eigenvectors of symmetric matrices, by the GNU Scientific Library. The one file that
 * knows it.
 */
#ifndef SIMILARITY_EIGEN_H
#define SIMILARITY_EIGEN_H

#include <stddef.h>

/*
 * The `wanted` largest eigenvalues of a symmetric matrix of n rows, n >= 1, wanted <= n, largest first;
 * vectors[i * wanted + k] is component i of the k-th, of length 1. Of a vector the component that is
 * largest by amount is positive (the first of several that are equal to nine digits), so that
 * nothing is left to chance. The matrix is only read.
 */
void eigen_largest(const double *matrix, size_t n, size_t wanted, double *values, double *vectors);

#endif
