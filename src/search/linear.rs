//! Symmetric systems of equations in f64, in a fixed order.

/// The lower triangle L of `a` = L L^T, `n` x `n`, row-major; `None` where `a` is not positive definite.
pub fn cholesky(a: &[f64], n: usize) -> Option<Vec<f64>> {
    let mut l = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            let (row_i, row_j) = (&l[i * n..i * n + j], &l[j * n..j * n + j]);
            let sum = a[i * n + j] - dot(row_i, row_j);
            if i == j {
                if sum <= 0.0 || !sum.is_finite() {
                    return None;
                }
                l[i * n + i] = sum.sqrt();
            } else {
                l[i * n + j] = sum / l[j * n + j];
            }
        }
    }
    Some(l)
}

/// x with L L^T x = b, in place.
pub fn solve(l: &[f64], n: usize, b: &mut [f64]) {
    for i in 0..n {
        b[i] = (b[i] - dot(&l[i * n..i * n + i], &b[..i])) / l[i * n + i];
    }
    for i in (0..n).rev() {
        b[i] /= l[i * n + i];
        let x = b[i];
        for j in 0..i {
            b[j] -= l[i * n + j] * x;
        }
    }
}

/// The inverse of L L^T.
pub fn inverse(l: &[f64], n: usize) -> Vec<f64> {
    let mut out = vec![0.0; n * n];
    for (i, row) in out.chunks_exact_mut(n.max(1)).enumerate() {
        row[i] = 1.0;
        solve(l, n, row);
    }
    out
}

/// Sum of the products, as eight interleaved sums, each in order (so that vector units can be used).
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a8.remainder().iter().zip(b8.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a8.zip(b8) {
        for k in 0..8 {
            sums[k] += a[k] * b[k];
        }
    }
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
pub(super) use tests::positive;

#[cfg(test)]
mod tests {
    use super::*;

    /// A positive definite matrix, the same for the same seed.
    pub fn positive(n: usize, seed: usize) -> Vec<f64> {
        let number = |i: usize| ((i * 7919 + seed * 104_729) % 1009) as f64 / 504.5 - 1.0;
        let a: Vec<f64> = (0..n * n).map(|i| number(i * i + i)).collect();
        let product = |i: usize, j: usize| dot(&a[i * n..(i + 1) * n], &a[j * n..(j + 1) * n]) + f64::from(u8::from(i == j)) * 0.1;
        (0..n * n).map(|at| product(at / n, at % n)).collect()
    }

    #[test]
    fn an_inverse_times_its_matrix_is_one() {
        for n in [1, 2, 9, 20] {
            let h = positive(n, n);
            let lower = cholesky(&h, n).expect("positive definite");
            let inverse = inverse(&lower, n);
            for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
                let entry: f64 = (0..n).map(|k| h[i * n + k] * inverse[k * n + j]).sum();
                assert!((entry - f64::from(u8::from(i == j))).abs() < 1e-8, "{n} {i} {j}: {entry}");
            }
        }
        assert!(cholesky(&[1.0, 2.0, 2.0, 1.0], 2).is_none() && cholesky(&[f64::NAN], 1).is_none());
    }
}
