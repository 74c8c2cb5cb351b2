//! Numbers for people: shares in percent, few digits, times.

use super::folder::Csv;

/// A fraction in percent with two decimals: `92.73`.
pub fn percent(frac: f64) -> String {
    let text = format!("{:.2}", 100.0 * frac);
    if text == "-0.00" { "0.00".into() } else { text }
}

/// `92.73 % (92.56 to 92.90)`, with a space that is not broken; without the ends where there are none.
pub fn with_ends(frac: f64, ends: Option<(f64, f64)>) -> String {
    let brackets = ends.map_or(String::new(), |(lo, hi)| format!(" ({} to {})", percent(lo), percent(hi)));
    format!("{}\u{a0}%{brackets}", percent(frac))
}

/// A field of a table: floats with six significant digits at most, everything else as it stands.
pub fn short(field: &str) -> String {
    match field.parse::<f64>() {
        Ok(value) if value.is_finite() && field.len() > 7 && field.contains(['.', 'e']) => significant(value, 6),
        _ => field.to_string(),
    }
}

/// A field in a unit a million times as large (pJ in uJ, ns in ms, um2 in mm2), for people; as `?` where there is none.
pub fn millionth(table: &Csv, row: &[String], name: &str) -> String {
    table.number(row, name).map_or("?".into(), |value| significant(value / 1e6, 4))
}

/// A number with so many significant digits, without trailing zeros.
pub fn significant(value: f64, digits: i32) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let magnitude = libm::floor(libm::log10(value.abs())) as i32;
    if !(-5..15).contains(&magnitude) {
        return format!("{value:.*e}", (digits - 1).max(0) as usize);
    }
    let text = format!("{value:.*}", (digits - 1 - magnitude).max(0) as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

/// Seconds since 1970 as `2026-11-27 10:32:47 UTC`. Days to dates: Howard Hinnant, "chrono-compatible low-level date algorithms".
pub fn utc(unix_s: f64) -> String {
    let seconds = if unix_s.is_finite() { unix_s.clamp(0.0, 253_402_300_799.0) as i64 } else { 0 };
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + 400 * era + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_digits() {
        for (field, wanted) in [("0.9272500000001", "0.92725"), ("1.8434465403984126e-8", "1.84345e-8"), ("75788928000", "75788928000"), ("29722678.451405257", "29722678"), ("lossless", "lossless"), ("", "")] {
            assert_eq!(short(field), wanted);
        }
        assert_eq!(with_ends(0.92725, Some((0.9, 1.0))), "92.73\u{a0}% (90.00 to 100.00)");
        assert_eq!(percent(-1e-9), "0.00");
    }

    #[test]
    fn dates() {
        assert_eq!(utc(0.0), "1970-01-01 00:00:00 UTC");
        assert_eq!(utc(951_782_400.5), "2000-02-29 00:00:00 UTC");
        assert_eq!(utc(1_795_775_567.3), "2026-11-27 10:32:47 UTC");
        assert_eq!(utc(f64::NAN), "1970-01-01 00:00:00 UTC");
    }
}
