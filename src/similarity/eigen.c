#include "similarity/eigen.h"

#include <gsl/gsl_eigen.h>
#include <math.h>

/* Two components that differ by less are as large: which is the larger one would be rounding. */
#define SAME_SHARE 1e-9

static double sign_of(const gsl_matrix *vectors, size_t k)
{
    double largest = 0;

    for (size_t i = 0; i < vectors->size1; i++)
        largest = fmax(largest, fabs(gsl_matrix_get(vectors, i, k)));
    for (size_t i = 0; i < vectors->size1; i++) {
        double x = gsl_matrix_get(vectors, i, k);

        if (fabs(x) >= largest * (1 - SAME_SHARE))
            return x < 0 ? -1 : 1;
    }
    return 1;
}

void eigen_largest(const double *matrix, size_t n, size_t wanted, double *values, double *vectors)
{
    gsl_matrix_const_view given = gsl_matrix_const_view_array(matrix, n, n);
    gsl_eigen_symmv_workspace *work = gsl_eigen_symmv_alloc(n);
    gsl_matrix *copy = gsl_matrix_alloc(n, n);
    gsl_matrix *all = gsl_matrix_alloc(n, n);
    gsl_vector *all_values = gsl_vector_alloc(n);

    gsl_matrix_memcpy(copy, &given.matrix);
    gsl_eigen_symmv(copy, all_values, all, work);
    gsl_eigen_symmv_sort(all_values, all, GSL_EIGEN_SORT_VAL_DESC);
    for (size_t k = 0; k < wanted; k++) {
        double sign = sign_of(all, k);

        values[k] = gsl_vector_get(all_values, k);
        for (size_t i = 0; i < n; i++)
            vectors[i * wanted + k] = sign * gsl_matrix_get(all, i, k);
    }
    gsl_vector_free(all_values);
    gsl_matrix_free(all);
    gsl_matrix_free(copy);
    gsl_eigen_symmv_free(work);
}
