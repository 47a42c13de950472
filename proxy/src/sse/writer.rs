//! One frame from its fields; not the pace at which frames are sent.

use bytes::Bytes;

use super::parser::Fields;

/// Why fields cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The field must fit one line; a reader would take the rest for other fields, or not at all.
    #[error("cannot write the field `{field}` of an event stream: {value:?} does not fit one line")]
    NotOneLine {
        /// Which field.
        field: &'static str,
        /// Its value.
        value: String,
    },
}

/// Writes a frame that [`super::Parser`] reads as these fields, with lines ended by LF.
///
/// A CR or CRLF in the data reads as LF: there is no way to write it. Fields that are `None` have
/// no line; without data a client sees no event.
pub fn write(fields: &Fields) -> Result<Bytes, WriteError> {
    let mut out = String::new();
    if let Some(event) = &fields.event {
        line("event", event, &mut out)?;
    }
    if let Some(id) = &fields.id {
        line("id", id, &mut out)?;
    }
    if let Some(retry) = fields.retry {
        out.extend(["retry: ", &retry.to_string(), "\n"]);
    }
    if let Some(data) = &fields.data {
        for piece in data.replace("\r\n", "\n").split(['\n', '\r']) {
            out.extend(["data: ", piece, "\n"]);
        }
    }
    out.push('\n');
    Ok(out.into())
}

fn line(field: &'static str, value: &str, out: &mut String) -> Result<(), WriteError> {
    if value.contains(['\n', '\r', '\0']) {
        return Err(WriteError::NotOneLine { field, value: value.to_owned() });
    }
    out.extend([field, ": ", value, "\n"]);
    Ok(())
}
