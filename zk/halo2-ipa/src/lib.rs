//! Integer models as halo2 circuits with the inner-product argument.
