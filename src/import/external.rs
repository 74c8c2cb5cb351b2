//! Weights that an ONNX file keeps in files of their own (`model.onnx.data`): read only from the model's folder, whatever the
//! file says, and only as many bytes as the tensor's shape needs.

use super::messages::TensorProto;
use crate::error::{Error, Result};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Display;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

/// The folder of the model, where its tensors may lie.
pub struct Folder {
    path: PathBuf,
    /// Bytes read of each file so far.
    taken: RefCell<HashMap<PathBuf, u64>>,
}

impl Folder {
    /// Of the model at `path`.
    pub fn of(path: &Path) -> Self {
        let path = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        Folder { path, taken: RefCell::default() }
    }

    /// The `len` bytes of a tensor whose data is external; `place` is its name in messages.
    ///
    /// # Errors
    /// A path that leads out of the folder, a file that is missing or too short, another length than the shape needs.
    pub fn bytes(&self, tensor: &TensorProto, len: usize, place: &dyn Display) -> Result<Vec<u8>> {
        let at = |message: String| Error::input(place, message);
        let entry = |key: &str| tensor.external_data.iter().find(|e| e.key == key).map(|e| e.value.as_str());
        let number = |key: &str, missing: u64| match entry(key) {
            None => Ok(missing),
            Some(text) => text.parse::<u64>().map_err(|_| at(format!("external data: {key} `{}` is no number", super::clipped(text)))),
        };
        let location = entry("location").ok_or_else(|| at("external data without a location".into()))?;
        let (offset, stated) = (number("offset", 0)?, number("length", len as u64)?);
        if stated != len as u64 {
            return Err(at(format!("external data of {stated} bytes; its shape and type need {len}")));
        }
        let path = self.inside(location).map_err(|why| {
            at(format!("external data `{}`: {why}", super::clipped(location))).hint("only files in the folder of the model are read: put it beside the .onnx file")
        })?;
        let mut file = File::open(&path).map_err(|e| Error::io(&path, "read", &e))?;
        let size = file.metadata().map_err(|e| Error::io(&path, "read", &e))?.len();
        if offset.checked_add(stated).is_none_or(|end| end > size) {
            return Err(at(format!("external data `{location}`: bytes {offset} to {offset} + {stated} of a file of {size}")).hint("was the file copied or downloaded to its end?"));
        }
        let mut taken = self.taken.borrow_mut();
        let taken = taken.entry(path.clone()).or_default();
        *taken += stated;
        if *taken > size {
            return Err(at(format!("external data `{location}`: its {size} bytes are used more than once")).hint("every tensor has bytes of its own"));
        }
        let mut bytes = Vec::with_capacity(len);
        file.seek(SeekFrom::Start(offset)).and_then(|_| file.take(stated).read_to_end(&mut bytes)).map_err(|e| Error::io(&path, "read", &e))?;
        match bytes.len() == len {
            true => Ok(bytes),
            false => Err(at(format!("external data `{location}`: {} of {len} bytes could be read", bytes.len()))),
        }
    }

    /// A regular file below the folder, links followed; or why it is none.
    fn inside(&self, location: &str) -> std::result::Result<PathBuf, String> {
        let location = Path::new(location);
        if !location.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err("it leads out of the folder of the model".into());
        }
        let (folder, path) = (self.path.canonicalize(), self.path.join(location).canonicalize());
        match (folder, path) {
            (Ok(folder), Ok(path)) if !path.starts_with(&folder) => Err("it leads out of the folder of the model".into()),
            (Ok(_), Ok(path)) if !path.is_file() => Err("not a file".into()),
            (Ok(_), Ok(path)) => Ok(path),
            (Err(e), _) | (_, Err(e)) => Err(format!("cannot be read: {e}")),
        }
    }
}
