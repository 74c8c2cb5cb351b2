//! Functions compiled for the vector instructions that the machine has. All versions do the same additions and
//! multiplications in the same order, so they give the same bits.

/// `wide! { pub fn name(arguments) -> result { ... } }`: the body is compiled for AVX-512, for AVX2 and for any machine, and the best
/// is called. What it calls is compiled with it where that is inlined; closures in it are.
macro_rules! wide {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $result:ty)? $body:block) => {
        $(#[$doc])*
        $vis fn $name($($arg: $type),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f")]
                fn with_avx512($($arg: $type),*) $(-> $result)? $body
                #[target_feature(enable = "avx2")]
                fn with_avx2($($arg: $type),*) $(-> $result)? $body
                if is_x86_feature_detected!("avx512f") {
                    // SAFETY: the machine has the instructions.
                    return unsafe { with_avx512($($arg),*) };
                }
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: as above.
                    return unsafe { with_avx2($($arg),*) };
                }
            }
            $body
        }
    };
}
pub(super) use wide;
