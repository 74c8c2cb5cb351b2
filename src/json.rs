//! JSON of a user's files in which every key stands once: of two values for one key, readers of JSON take the last in silence.

use crate::error::{Error, Result};
use crate::network::clipped;
use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;

/// A text's value; `place` is the file's name in messages.
///
/// # Errors
/// Broken JSON and a key that stands twice in one object, with line, column and the line itself.
pub fn parse(text: &str, place: &str) -> Result<Value> {
    serde_json::from_str::<Once>(text).map(|once| once.0).map_err(|e| {
        let line = text.lines().nth(e.line().saturating_sub(1)).unwrap_or("");
        Error::input(format!("{place}:{}:{}", e.line(), e.column()), format!("broken JSON: {e}")).snippet(clipped(line.trim()))
    })
}

/// A file of this program that states its format; `format` is where a value read has it, `what` a word for messages.
///
/// # Errors
/// Another format, by its name, and what is no such value.
pub fn of_format<T: DeserializeOwned>(text: &[u8], wanted: &str, what: &str, format: fn(&T) -> &str) -> std::result::Result<T, String> {
    #[derive(serde::Deserialize)]
    struct Named {
        format: String,
    }
    let read = serde_json::from_slice::<T>(text);
    if read.as_ref().is_ok_and(|value| format(value) == wanted) {
        return read.map_err(|e| e.to_string());
    }
    // What has another format may have other fields as well: its name says more than they do.
    match (serde_json::from_slice::<Named>(text), read) {
        (Ok(named), _) if named.format != wanted => Err(format!("format `{}`; this version reads {wanted}", clipped(&named.format))),
        (_, read) => read.map_err(|e| format!("not a {what}: {e}")),
    }
}

/// A map, for `#[serde(deserialize_with)]`; a key that stands twice is refused.
///
/// # Errors
/// That, and values of another type.
pub fn once<'de, D: Deserializer<'de>, V: Deserialize<'de>>(from: D) -> std::result::Result<BTreeMap<String, V>, D::Error> {
    struct Entries<V>(std::marker::PhantomData<V>);
    impl<'de, V: Deserialize<'de>> Visitor<'de> for Entries<V> {
        type Value = BTreeMap<String, V>;
        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Self::Value, A::Error> {
            let mut entries = BTreeMap::new();
            while let Some(key) = map.next_key::<String>()? {
                if entries.contains_key(&key) {
                    return Err(twice(&key));
                }
                entries.insert(key, map.next_value()?);
            }
            Ok(entries)
        }
    }
    from.deserialize_map(Entries(std::marker::PhantomData))
}

fn twice<E: de::Error>(key: &str) -> E {
    E::custom(format!("the key `{}` stands twice", clipped(key)))
}

/// A value whose objects have each key once.
struct Once(Value);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        from.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Once;
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_bool<E: de::Error>(self, v: bool) -> std::result::Result<Once, E> {
        Ok(Once(v.into()))
    }
    fn visit_i64<E: de::Error>(self, v: i64) -> std::result::Result<Once, E> {
        Ok(Once(v.into()))
    }
    fn visit_u64<E: de::Error>(self, v: u64) -> std::result::Result<Once, E> {
        Ok(Once(v.into()))
    }
    fn visit_f64<E: de::Error>(self, v: f64) -> std::result::Result<Once, E> {
        Ok(Once(v.into()))
    }
    fn visit_str<E: de::Error>(self, v: &str) -> std::result::Result<Once, E> {
        Ok(Once(v.into()))
    }
    fn visit_unit<E: de::Error>(self) -> std::result::Result<Once, E> {
        Ok(Once(Value::Null))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<Once, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = seq.next_element::<Once>()? {
            list.push(item.0);
        }
        Ok(Once(Value::Array(list)))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Once, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(twice(&key));
            }
            object.insert(key, map.next_value::<Once>()?.0);
        }
        Ok(Once(Value::Object(object)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_once() {
        let text = "{\"a\": [1, -2, 0.1, true, null, \"x\"],\n \"b\": {\"a\": 1}}";
        assert_eq!(parse(text, "f").unwrap(), serde_json::from_str::<Value>(text).unwrap());
        let e = parse("{\"a\": {\n \"b\": 1, \"b\": 2}}", "f").unwrap_err();
        assert!(e.place.as_deref().is_some_and(|p| p.starts_with("f:2:")) && e.message.contains("`b` stands twice"), "{e}");
        assert!(parse("{} x", "f").is_err() && parse(&"[".repeat(1000), "f").is_err());
    }
}
