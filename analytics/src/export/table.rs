//! The table for analysts: Parquet, with the columns of the CSV and the record itself.

use super::columns::{COLUMNS, Cell, Kind};
use super::error::ExportError;
use bytes::Bytes;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{Type, TypePtr};
use std::sync::Arc;

/// One file with all rows in one row group; `records` are the canonical bytes, one for each row.
pub(super) fn table<'a>(
    rows: &[Vec<Cell>],
    records: impl Iterator<Item = &'a [u8]>,
) -> Result<Vec<u8>, ExportError> {
    write(rows, records).map_err(ExportError::make)
}

fn write<'a>(
    rows: &[Vec<Cell>],
    records: impl Iterator<Item = &'a [u8]>,
) -> Result<Vec<u8>, ParquetError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(format!("countersign {}", env!("CARGO_PKG_VERSION")))
        .build();
    let mut file = SerializedFileWriter::new(Vec::new(), schema()?, Arc::new(properties))?;
    let mut group = file.next_row_group()?;
    let mut records = Some(records);
    let mut place = 0;
    while let Some(column) = group.next_column()? {
        match COLUMNS.get(place) {
            Some((_, kind)) => write_column(column, *kind, place, rows)?,
            None => write_records(column, records.take().into_iter().flatten())?,
        }
        place += 1;
    }
    group.close()?;
    file.into_inner()
}

fn schema() -> Result<TypePtr, ParquetError> {
    let time = LogicalType::timestamp(true, TimeUnit::MICROS);
    let mut fields = Vec::new();
    for (place, (name, kind)) in COLUMNS.iter().enumerate() {
        let (physical, logical) = match kind {
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Number => (Physical::INT64, None),
            Kind::Time => (Physical::INT64, Some(time.clone())),
        };
        let repetition = if place == 0 { Repetition::REQUIRED } else { Repetition::OPTIONAL };
        let field = Type::primitive_type_builder(name, physical)
            .with_logical_type(logical)
            .with_repetition(repetition);
        fields.push(Arc::new(field.build()?));
    }
    let record = Type::primitive_type_builder("record", Physical::BYTE_ARRAY);
    fields.push(Arc::new(record.with_repetition(Repetition::REQUIRED).build()?));
    Ok(Arc::new(Type::group_type_builder("event").with_fields(fields).build()?))
}

fn write_column(
    mut column: SerializedColumnWriter<'_>,
    kind: Kind,
    place: usize,
    rows: &[Vec<Cell>],
) -> Result<(), ParquetError> {
    let cells = || rows.iter().map(|row| row.get(place).unwrap_or(&Cell::Empty));
    let levels: Vec<i16> = cells().map(|cell| i16::from(*cell != Cell::Empty)).collect();
    // The first column is never empty, so it has no levels.
    let levels = Some(levels.as_slice()).filter(|_| place > 0);
    if kind == Kind::Text {
        let value = |cell: &Cell| match cell {
            Cell::Text(text) => Some(ByteArray::from(text.as_str())),
            Cell::Number(_) | Cell::Empty => None,
        };
        let values: Vec<ByteArray> = cells().filter_map(value).collect();
        column.typed::<ByteArrayType>().write_batch(&values, levels, None)?;
    } else {
        let value = |cell: &Cell| match cell {
            Cell::Number(number) => Some(i64::try_from(*number).unwrap_or(i64::MAX)),
            Cell::Text(_) | Cell::Empty => None,
        };
        let values: Vec<i64> = cells().filter_map(value).collect();
        column.typed::<Int64Type>().write_batch(&values, levels, None)?;
    }
    column.close()
}

fn write_records<'a>(
    mut column: SerializedColumnWriter<'_>,
    records: impl Iterator<Item = &'a [u8]>,
) -> Result<(), ParquetError> {
    let bytes = |record: &[u8]| ByteArray::from(Bytes::copy_from_slice(record));
    let records: Vec<ByteArray> = records.map(bytes).collect();
    column.typed::<ByteArrayType>().write_batch(&records, None, None)?;
    column.close()
}
