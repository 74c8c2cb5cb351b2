//! One function, compiled for several instruction sets, chosen when the program runs. The results are the
//! same bits: only integers and exactly rounded f64 operations are involved, and nothing is contracted unasked.

use std::sync::OnceLock;

/// Defines `$name`, which calls the inlined `$body` compiled for the best instruction set there is.
macro_rules! multiversion {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) = $body:ident) => {
        $(#[$meta])*
        $vis fn $name($($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl")]
                fn avx512($($arg: $ty),*) { $body($($arg),*) }
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($arg: $ty),*) { $body($($arg),*) }
                if $crate::engine::cpu::instruction_set() == "AVX-512" {
                    // SAFETY: the processor has these instructions.
                    return unsafe { avx512($($arg),*) };
                }
                if $crate::engine::cpu::instruction_set() == "AVX2" {
                    // SAFETY: the processor has these instructions.
                    return unsafe { avx2($($arg),*) };
                }
            }
            $body($($arg),*)
        }
    };
}
pub(crate) use multiversion;

/// Restricts the instruction set, to look for a fault or to compare speeds: `avx2` or `portable`.
pub const RESTRICTION: &str = "BWQ_INSTRUCTION_SET";

/// The instruction set in use.
pub fn instruction_set() -> &'static str {
    static SET: OnceLock<&str> = OnceLock::new();
    SET.get_or_init(|| {
        let restriction = std::env::var(RESTRICTION).unwrap_or_default();
        #[cfg(target_arch = "x86_64")]
        if restriction != "portable" {
            // Every processor with BW, DQ and VL has CD (leading zeros) as well, but the attribute asks for it.
            let avx512 = is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512cd") && is_x86_feature_detected!("avx512dq") && is_x86_feature_detected!("avx512vl");
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            if avx512 && avx2 && restriction != "avx2" {
                return "AVX-512";
            }
            if avx2 {
                return "AVX2";
            }
        }
        "portable"
    })
}
