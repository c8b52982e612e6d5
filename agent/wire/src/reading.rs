//! What was measured, or why it could not be.

use heapless::String;
use serde::de::{DeserializeOwned, Error as _};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text;

/// Why something was not measured: a short sentence.
pub type Reason = String<160>;

const NOT_FINITE: &str = "the result isn't a finite number";
const NEITHER: &str = "neither `value` nor `not_measured` is there";

/// What a [`Reading`] can hold.
pub trait Quantity: Serialize + DeserializeOwned {
    /// Whether it says anything: an infinite or undefined number doesn't.
    fn is_finite(&self) -> bool {
        true
    }
}

impl Quantity for bool {}
impl Quantity for u32 {}
impl Quantity for u64 {}
impl Quantity for i64 {}
impl<const N: usize> Quantity for String<N> {}
impl Quantity for f64 {
    fn is_finite(&self) -> bool {
        (*self).is_finite()
    }
}

/// A reading, or why there is none. JSON: `{"value":…}` or `{"not_measured":"why"}`.
///
/// A number that isn't finite is written as not measured.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading<T> {
    /// It was read.
    Value(T),
    /// It wasn't, for this reason.
    NotMeasured(Reason),
}

impl<T> Reading<T> {
    /// No reading; a reason longer than 160 bytes is cut.
    #[must_use]
    pub fn not_measured(reason: &str) -> Self {
        Self::NotMeasured(text(reason))
    }

    /// The value, or this reason for not having one.
    #[must_use]
    pub fn or_reason(value: Option<T>, reason: &str) -> Self {
        value.map_or_else(|| Self::not_measured(reason), Self::Value)
    }

    /// The value, where there is one.
    #[must_use]
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::NotMeasured(_) => None,
        }
    }
}

impl<T, E: std::fmt::Display> From<Result<T, E>> for Reading<T> {
    fn from(result: Result<T, E>) -> Self {
        result.map_or_else(|error| Self::not_measured(&error.to_string()), Self::Value)
    }
}

/// A figure with its 95 % interval and sample count, or why there is none.
/// JSON: `{"value","low","high","n"}` or `{"not_measured":"why"}`.
#[derive(Clone, Debug, PartialEq)]
pub enum Figure {
    /// It was measured.
    Measured {
        /// The figure.
        value: f64,
        /// Lower end of the 95 % interval.
        low: f64,
        /// Upper end of the 95 % interval.
        high: f64,
        /// How many samples it was taken over.
        n: u64,
    },
    /// It wasn't, for this reason.
    NotMeasured {
        /// Why.
        reason: Reason,
    },
}

impl Figure {
    /// No figure; a reason longer than 160 bytes is cut.
    #[must_use]
    pub fn not_measured(reason: &str) -> Self {
        Self::NotMeasured { reason: text(reason) }
    }
}

/// As postcard has them: plain enums.
#[derive(Serialize, Deserialize)]
enum Compact<T> {
    Value(T),
    NotMeasured(Reason),
}

/// As JSON has them. Fields that aren't known are ignored.
#[derive(Deserialize)]
struct ReadingJson<T> {
    value: Option<T>,
    not_measured: Option<Reason>,
}

#[derive(Deserialize)]
struct FigureJson {
    value: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    n: Option<u64>,
    not_measured: Option<Reason>,
}

#[derive(Serialize)]
struct MeasuredJson {
    value: f64,
    low: f64,
    high: f64,
    n: u64,
}

fn write_reason<S: Serializer>(reason: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry("not_measured", reason)?;
    map.end()
}

impl<T: Quantity> Serialize for Reading<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let checked = match self {
            Self::Value(value) if value.is_finite() => Ok(value),
            Self::Value(_) => Err(text(NOT_FINITE)),
            Self::NotMeasured(reason) => Err(reason.clone()),
        };
        match (checked, serializer.is_human_readable()) {
            (Ok(value), true) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("value", value)?;
                map.end()
            }
            (Err(reason), true) => write_reason(&reason, serializer),
            (Ok(value), false) => Compact::Value(value).serialize(serializer),
            (Err(reason), false) => Compact::<()>::NotMeasured(reason).serialize(serializer),
        }
    }
}

impl<'de, T: Quantity> Deserialize<'de> for Reading<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return Ok(match Compact::deserialize(deserializer)? {
                Compact::Value(value) => Self::Value(value),
                Compact::NotMeasured(reason) => Self::NotMeasured(reason),
            });
        }
        match ReadingJson::deserialize(deserializer)? {
            ReadingJson { not_measured: Some(reason), .. } => Ok(Self::NotMeasured(reason)),
            ReadingJson { value: Some(value), .. } => Ok(Self::Value(value)),
            _ => Err(D::Error::custom(NEITHER)),
        }
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let checked = match self {
            Self::Measured { value, low, high, n } if [value, low, high].iter().all(|number| number.is_finite()) => {
                Ok(MeasuredJson { value: *value, low: *low, high: *high, n: *n })
            }
            Self::Measured { .. } => Err(text(NOT_FINITE)),
            Self::NotMeasured { reason } => Err(reason.clone()),
        };
        match (checked, serializer.is_human_readable()) {
            (Ok(measured), true) => measured.serialize(serializer),
            (Err(reason), true) => write_reason(&reason, serializer),
            (Ok(measured), false) => Compact::Value(measured).serialize(serializer),
            (Err(reason), false) => Compact::<()>::NotMeasured(reason).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Figure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return Ok(match Compact::<(f64, f64, f64, u64)>::deserialize(deserializer)? {
                Compact::Value((value, low, high, n)) => Self::Measured { value, low, high, n },
                Compact::NotMeasured(reason) => Self::NotMeasured { reason },
            });
        }
        let json = FigureJson::deserialize(deserializer)?;
        match json {
            FigureJson { not_measured: Some(reason), .. } => Ok(Self::NotMeasured { reason }),
            FigureJson { value: Some(value), low: Some(low), high: Some(high), n: Some(n), .. } => {
                Ok(Self::Measured { value, low, high, n })
            }
            _ => Err(D::Error::custom("a figure needs `value`, `low`, `high` and `n`, or `not_measured`")),
        }
    }
}
