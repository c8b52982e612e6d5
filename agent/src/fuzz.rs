//! Where fuzz targets (`tests/fuzz`) come in: what takes bytes from outside and isn't a library's. Built for them alone.

use std::collections::BTreeSet;

use edgeval_wire::CommandName;
use toml::Table;

use crate::capture::pixel::{self, Layout, Matrix, PixelFormat};
use crate::capture::splitter::{Piece, Splitter};
use crate::commands::gate::{Gate, Wall};
use crate::config;
use crate::publish::outbox::record;
use crate::publish::{Incoming, Properties, Reply};

/// Pictures that are tried have at most so many pixels a side.
const MOST_SIDE: u8 = 255;

/// Text as the configuration's file; lines `NAME=value` of it as the environment, too.
///
/// # Panics
/// When what is refused isn't said in words.
pub fn configuration(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let lines = text.lines().filter_map(|line| line.split_once('='));
    let environment = lines.map(|(name, value)| (name.trim().to_owned(), value.to_owned()));
    let loaded = match text.parse() {
        Ok(table) => config::load(None, environment, table),
        Err(_) => config::load(None, environment, Table::new()),
    };
    if let Err(error) = loaded {
        assert!(!error.to_string().is_empty());
    }
}

/// Bytes as a command: the first line is its name, the next two its id and expiry, the rest its body.
///
/// # Panics
/// When a refusal isn't said in words.
pub fn command(bytes: &[u8]) {
    let mut parts = bytes.splitn(4, |byte| *byte == b'\n');
    let mut line = || parts.next().map(|part| String::from_utf8_lossy(part).into_owned());
    let (name, id, expires) = (line().unwrap_or_default(), line(), line());
    let properties = Properties { id, expires, signature: None };
    let body = Ok(parts.next().unwrap_or_default().to_vec());
    let topic = format!("edgeval/1/home/pi/command/{name}");
    let incoming = Incoming { topic, name, body, properties: Ok(properties), reply: Reply::default() };
    let allow = BTreeSet::from([
        CommandName::Status,
        CommandName::Bench,
        CommandName::Evaluate,
        CommandName::Interval,
        CommandName::Model,
        CommandName::Cancel,
    ]);
    if let Err(refusal) = (Gate { allow, key: None }).judge(&incoming, Wall { unix_ms: 1_000_000, synchronized: true })
    {
        assert!(!refusal.text.is_empty());
    }
}

/// Bytes as a report on disk: as they are, and with the checksum that they should have.
///
/// # Panics
/// When a report that was read doesn't come back as it was.
pub fn outbox_record(bytes: &[u8]) {
    let checked = [bytes, &crc32fast::hash(bytes).to_le_bytes()].concat();
    for bytes in [bytes, &checked] {
        if let Some(report) = record::decode(bytes) {
            assert_eq!(record::decode(&record::encode(&report)), Some(report));
        }
    }
}

/// A layout that the first bytes say, and the bytes after them.
fn layout(bytes: &[u8]) -> Option<(Layout, &[u8])> {
    let (&[format, width, height, padding, flags], rest) = bytes.split_first_chunk::<5>()?;
    let format = *PixelFormat::ALL.get(usize::from(format) % PixelFormat::ALL.len())?;
    let matrix = *[Matrix::Bt601, Matrix::Bt709, Matrix::Bt2020].get(usize::from(flags >> 1) % 3)?;
    let (width, height) = (usize::from(width), usize::from(height));
    let stride = (format.row_bytes(width) + usize::from(padding)).saturating_sub(usize::from(flags >> 4));
    Some((Layout { format, width, height, stride, full_range: flags & 1 == 1, matrix }, rest))
}

/// Bytes as a camera's frame; the first five choose format, size and colours.
///
/// # Panics
/// When a picture hasn't the bytes that its size says.
pub fn camera_frame(bytes: &[u8]) {
    let Some((layout, frame)) = layout(bytes) else { return };
    let _ = pixel::brightness(&layout, frame);
    if let Ok(picture) = pixel::decode(&layout, frame) {
        assert_eq!(picture.data.len(), picture.width * picture.height * picture.channels.count());
        assert!(picture.width <= layout.width && picture.height <= layout.height);
    }
}

/// Bytes as what a command writes that sends JPEGs: come in pieces, each frame decoded.
///
/// # Panics
/// When a frame is larger than any may be.
pub fn jpeg_stream(bytes: &[u8]) {
    let side = usize::from(MOST_SIDE);
    let (format, matrix) = (PixelFormat::Mjpg, Matrix::Bt601);
    let layout = Layout { format, width: side, height: side, stride: 0, full_range: true, matrix };
    let mut splitter = Splitter::new(&layout);
    for mut piece in bytes.chunks(97) {
        while let Some(found) = splitter.next(&mut piece) {
            if let Piece::Frame { bytes: frame, .. } = found {
                assert!(frame.len() <= bytes.len(), "a frame is part of what came");
                let _ = pixel::decode(&layout, frame);
            }
        }
    }
}
