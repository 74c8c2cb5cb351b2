//! Crossbars: how an integer matrix becomes cells, row groups, conversions and shift-and-add.
//!
//! [`mapping`] cuts the rows into groups that are active together; [`layout`] says where a cell sits; [`adc`] turns a
//! bitline sum into a code, and [`converters`] says how converters differ; [`layer`] puts all together with the encoding of
//! the weights into what an engine needs: integers only. [`wires`] is what an array's wires do to the currents of its cells.
//!
//! To add an encoding: a variant of `config::Encoding`, an arm in [`layer::Planes`] and in `layer::levels`,
//! a case in the property test that holds the crossbar to the integer product.

pub mod adc;
pub mod converters;
pub mod layer;
pub mod layout;
pub mod mapping;
pub mod wires;

pub use adc::{Adc, Conversion};
pub use converters::Converters;
pub use layer::CrossbarLayer;
pub use wires::Wires;
