//! Parquet files that the tests write, as rows of JSON.

use std::sync::Arc;

use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, FloatType,
    Int32Type, Int64Type,
};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;

use super::*;

type Write<'a> = &'a dyn Fn(&mut SerializedColumnWriter<'_>);

/// What the rows of a file are read as that has these columns, each written by its function.
fn rows(schema: &str, columns: &[Write<'_>]) -> io::Result<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let schema = Arc::new(parse_message_type(&format!("message rows {{ {schema} }}")).unwrap());
    let file = File::create(&path).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for write in columns {
        let mut column = group.next_column().unwrap().unwrap();
        write(&mut column);
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
    let (reader, reading) = open(File::open(&path).unwrap())?;
    let rows = reader.get_row_iter(None).unwrap();
    Ok(rows.map(|row| reading.line(&row.unwrap())).collect())
}

/// A column of this type that may have gaps.
fn gapped<'a, T: DataType>(
    values: &'a [T::T],
    levels: &'a [i16],
) -> impl Fn(&mut SerializedColumnWriter<'_>) + 'a {
    move |column| {
        column.typed::<T>().write_batch(values, Some(levels), None).unwrap();
    }
}

fn whole<'a, T: DataType>(values: &'a [T::T]) -> impl Fn(&mut SerializedColumnWriter<'_>) + 'a {
    move |column| {
        column.typed::<T>().write_batch(values, None, None).unwrap();
    }
}

#[test]
fn integers_of_which_one_is_missing_are_integers() {
    let read = |schema: &str, write: Write<'_>| rows(schema, &[write]).unwrap();
    let pandas = gapped::<DoubleType>(&[42.0, -1e15], &[1, 0, 1]);
    let lines = read("optional double a;", &pandas);
    assert_eq!(lines, [r#"{"a":42}"#, r#"{"a":null}"#, r#"{"a":-1000000000000000}"#]);
    let not_a_number = whole::<DoubleType>(&[42.0, f64::NAN]);
    assert_eq!(read("required double a;", &not_a_number), [r#"{"a":42}"#, r#"{"a":null}"#]);
    let short = gapped::<FloatType>(&[7.0], &[1, 0]);
    assert_eq!(read("optional float a;", &short), [r#"{"a":7}"#, r#"{"a":null}"#]);
    // Without a gap nobody made floats of integers, and with a half they are none.
    assert_eq!(read("required double a;", &whole::<DoubleType>(&[42.0])), [r#"{"a":42.0}"#]);
    let half = gapped::<DoubleType>(&[42.0, 0.5], &[1, 0, 1]);
    assert_eq!(read("optional double a;", &half), [r#"{"a":42.0}"#, r#"{"a":null}"#, r#"{"a":0.5}"#]);
}

#[test]
fn large_integers_keep_every_digit() {
    let lines = rows(
        "optional int64 a; required int64 b (INTEGER(64,false)); optional int32 c (INTEGER(8,true));",
        &[
            &gapped::<Int64Type>(&[9_007_199_254_740_993], &[1, 0]),
            &whole::<Int64Type>(&[-1, 5]),
            &gapped::<Int32Type>(&[-8], &[0, 1]),
        ],
    );
    let expected =
        [r#"{"a":9007199254740993,"b":18446744073709551615,"c":null}"#, r#"{"a":null,"b":5,"c":-8}"#];
    assert_eq!(lines.unwrap(), expected);
}

#[test]
fn decimals_are_numbers_unless_they_have_too_many_digits() {
    let lines = rows(
        "required int32 a (DECIMAL(9,2)); required int64 b (DECIMAL(18,0)); required binary c (DECIMAL(38,3));",
        &[
            &whole::<Int32Type>(&[4200, -5]),
            &whole::<Int64Type>(&[42, 999_999_999_999_999_999]),
            &whole::<ByteArrayType>(&[
                ByteArray::from(12_500_i128.to_be_bytes().to_vec()),
                ByteArray::from(123_456_789_012_345_678_901_234_i128.to_be_bytes().to_vec()),
            ]),
        ],
    );
    let expected = [
        r#"{"a":42,"b":42,"c":12.5}"#,
        r#"{"a":-0.05,"b":999999999999999999,"c":"123456789012345678901.234"}"#,
    ];
    assert_eq!(lines.unwrap(), expected);
}

#[test]
fn days_and_times_are_as_people_write_them() {
    let lines = rows(
        "required int32 a (DATE); required int64 b (TIMESTAMP(NANOS,false)); required int64 c (TIMESTAMP(MILLIS,true));
         required int64 d (TIME(NANOS,false)); required int32 e (TIME(MILLIS,true)); required int64 f (TIMESTAMP_MICROS);",
        &[
            &whole::<Int32Type>(&[-1]),
            &whole::<Int64Type>(&[1_700_000_000_123_456_789]),
            &whole::<Int64Type>(&[1_700_000_000_000]),
            &whole::<Int64Type>(&[3_661_000_000_001]),
            &whole::<Int32Type>(&[1_500]),
            &whole::<Int64Type>(&[i64::MAX / 1_000_000]),
        ],
    );
    let expected = r#"{"a":"1969-12-31","b":"2023-11-14T22:13:20.123456789","c":"2023-11-14T22:13:20Z","d":"01:01:01.000000001","e":"00:00:01.500","f":"1970-04-17T18:02:52.036854Z"}"#;
    assert_eq!(lines.unwrap(), [expected]);
}

#[test]
fn lists_structs_and_maps_have_gaps_and_types_within() {
    let schema = "optional group a (LIST) { repeated group list { optional int64 element; } }
                  optional group b { required int64 at (TIMESTAMP(NANOS,true)); optional boolean yes; }
                  optional group c (LIST) { repeated group list { required int32 element (DATE); } }";
    let list = |column: &mut SerializedColumnWriter<'_>| {
        // [1, null], [], null
        let values = column.typed::<Int64Type>();
        values.write_batch(&[1], Some(&[3, 2, 1, 0]), Some(&[0, 1, 0, 0])).unwrap();
    };
    let dates = |column: &mut SerializedColumnWriter<'_>| {
        let values = column.typed::<Int32Type>();
        values.write_batch(&[0, 1], Some(&[2, 2, 0, 1]), Some(&[0, 1, 0, 0])).unwrap();
    };
    let lines = rows(
        schema,
        &[&list, &gapped::<Int64Type>(&[0, 1], &[1, 0, 1]), &gapped::<BoolType>(&[true], &[2, 0, 1]), &dates],
    );
    let expected = [
        r#"{"a":[1,null],"b":{"at":"1970-01-01T00:00:00Z","yes":true},"c":["1970-01-01","1970-01-02"]}"#,
        r#"{"a":[],"b":null,"c":null}"#,
        r#"{"a":null,"b":{"at":"1970-01-01T00:00:00.000000001Z","yes":null},"c":[]}"#,
    ];
    assert_eq!(lines.unwrap(), expected);
}

#[test]
fn repeated_texts_with_gaps_come_out_of_their_dictionary() {
    let texts = ["yes", "no", "yes", "yes"].map(ByteArray::from);
    let column = gapped::<ByteArrayType>(&texts, &[1, 1, 0, 1, 1]);
    let lines = rows("optional binary a (STRING);", &[&column]).unwrap();
    assert_eq!(lines.concat(), r#"{"a":"yes"}{"a":"no"}{"a":null}{"a":"yes"}{"a":"yes"}"#);
}

#[test]
fn bytes_that_are_no_text_are_an_object() {
    let bytes = [b"yes".to_vec(), vec![0xff, 0]].map(ByteArray::from);
    let lines = rows("required binary a;", &[&whole::<ByteArrayType>(&bytes)]).unwrap();
    assert_eq!(lines, [r#"{"a":"yes"}"#, r#"{"a":{"base64":"/wA="}}"#]);
}

#[test]
fn a_uuid_is_one_and_an_interval_is_refused() {
    let bytes = FixedLenByteArray::from((0..16).map(|byte| byte * 16 + 15).collect::<Vec<u8>>());
    let lines =
        rows("required fixed_len_byte_array(16) a (UUID);", &[&whole::<FixedLenByteArrayType>(&[bytes])]);
    assert_eq!(lines.unwrap(), [r#"{"a":"0f1f2f3f-4f5f-6f7f-8f9f-afbfcfdfefff"}"#]);
    let bytes = [FixedLenByteArray::from(vec![0; 12])];
    let column = whole::<FixedLenByteArrayType>(&bytes);
    let refused = rows("required fixed_len_byte_array(12) lag (INTERVAL);", &[&column]).unwrap_err();
    let expected = "the column `lag` holds intervals, which are not read: write it without, or as text";
    assert_eq!(refused.to_string(), expected);
}

#[test]
fn numbers_of_few_bits_are_as_short_as_in_their_type() {
    for (number, expected) in
        [(0.1, "0.1"), (2.7, "2.7"), (3.0, "3.0"), (1e-7, "1e-7"), (16_777_216.0, "16777216.0")]
    {
        assert_eq!(shortest::<f32>(number).to_string(), expected);
    }
    assert_eq!(value(&Field::Float16(half::f16::from_f32(0.1)), None), serde_json::json!(0.1));
    assert_eq!(value(&Field::Float(f32::NAN), None), Value::Null);
}
