//! `bwq doctor`
use super::DoctorArgs;
use super::terminal::Terminal;
use bwq::error::{Result, exit};
/// doctor
pub fn doctor(_args: &DoctorArgs, _terminal: &Terminal) -> Result<u8> {
    Ok(exit::DONE)
}
