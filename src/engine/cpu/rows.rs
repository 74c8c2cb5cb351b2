//! Loops along two rows of elements.

/// to[i] = f(to[i], from[i]) for as many as both have.
#[inline(always)]
pub fn zip_rows<A: Copy, B: Copy>(to: &mut [A], from: &[B], f: impl Fn(A, B) -> A) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = f(*to, from);
    }
}

/// to[i] = f(to[i], from[i stride]) for all of `to`.
#[inline(always)]
pub fn zip_strided<A: Copy, B: Copy>(to: &mut [A], from: &[B], stride: usize, f: impl Fn(A, B) -> A) {
    match stride {
        1 => zip_rows(to, &from[..to.len()], f),
        2 => {
            // Pairs, since a compiler knows how to read every second element of those. The last may be half a pair.
            let pairs = from.as_chunks::<2>().0;
            let (whole, rest) = to.split_at_mut(pairs.len().min(to.len()));
            zip_rows(whole, pairs, |to, pair| f(to, pair[0]));
            zip_rows(rest, &from[2 * whole.len()..], f);
        }
        _ => {
            for (to, &from) in to.iter_mut().zip(from.iter().step_by(stride)) {
                *to = f(*to, from);
            }
        }
    }
}
