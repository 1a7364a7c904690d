package source

import (
	"fmt"
	"math"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/parquet-go/parquet-go"

	"github.com/pcapline/pcapline/transform/schema"
)

// arrowLeaf says how values of a type are read. Their values are given as
// those of Parquet, so that what is done with them is one.
func arrowLeaf(t arrow.DataType) (*leafType, error) {
	number := func(v *parquet.Value) (int64, error) { return v.Int64(), nil }
	double := func(v *parquet.Value) float64 { return v.Double() }
	switch t := t.(type) {
	case *arrow.BooleanType:
		return &leafType{kind: schema.Bool, class: boolean}, nil
	case *arrow.Uint8Type:
		return &leafType{kind: schema.Uint8, class: integer, integer: number}, nil
	case *arrow.Uint16Type:
		return &leafType{kind: schema.Uint16, class: integer, integer: number}, nil
	case *arrow.Uint32Type:
		return &leafType{kind: schema.Uint32, class: integer, integer: number}, nil
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Int64Type, *arrow.Time32Type, *arrow.Time64Type, *arrow.DurationType:
		return &leafType{kind: schema.Int64, class: integer, integer: number, unit: arrowUnit(t)}, nil
	case *arrow.Uint64Type:
		return &leafType{kind: schema.Int64, class: integer, integer: func(v *parquet.Value) (int64, error) {
			if v.Int64() < 0 {
				return 0, fmt.Errorf("%d does not fit into int64", uint64(v.Int64()))
			}
			return v.Int64(), nil
		}}, nil
	case *arrow.Float32Type, *arrow.Float64Type, *arrow.Decimal128Type, *arrow.Decimal256Type, *arrow.NullType:
		return &leafType{kind: schema.Float64, class: floating, floating: double}, nil
	case *arrow.Date32Type:
		return scaledTime(86_400_000_000), nil
	case *arrow.Date64Type:
		return scaledTime(1000), nil
	case *arrow.TimestampType:
		return arrowTimestamp(t.Unit, number), nil
	case *arrow.StringType, *arrow.LargeStringType, *arrow.StringViewType:
		return &leafType{kind: schema.String, class: utf8Text}, nil
	case *arrow.BinaryType, *arrow.LargeBinaryType, *arrow.BinaryViewType, *arrow.FixedSizeBinaryType:
		return &leafType{kind: schema.Binary, class: bytesClass}, nil
	case *arrow.DictionaryType:
		return arrowLeaf(t.ValueType)
	}
	return nil, fmt.Errorf("type %s is not read", t)
}

func arrowUnit(t arrow.DataType) string {
	if t, ok := t.(arrow.TemporalWithUnit); ok {
		return t.TimeUnit().String()
	}
	return ""
}

func arrowTimestamp(unit arrow.TimeUnit, number func(*parquet.Value) (int64, error)) *leafType {
	switch unit {
	case arrow.Second:
		return scaledTime(1_000_000)
	case arrow.Millisecond:
		return scaledTime(1000)
	case arrow.Nanosecond:
		// Microseconds would lose digits, so these are plain numbers.
		return &leafType{kind: schema.Int64, class: integer, integer: number, unit: "ns", nanos: true}
	}
	return scaledTime(1)
}

// scaledTime reads times whose unit is so many microseconds.
func scaledTime(micros int64) *leafType {
	return &leafType{kind: schema.Timestamp, class: instant, integer: func(v *parquet.Value) (int64, error) {
		n := v.Int64()
		if n > math.MaxInt64/micros || n < math.MinInt64/micros {
			return 0, fmt.Errorf("time %d, of %d us each, is out of range", n, micros)
		}
		return n * micros, nil
	}}
}

// arrowValue gives value i of an array, which is not null. What it borrows is
// the array's.
type arrowValue func(i int) parquet.Value

// arrowValues is the values of an array of a type that arrowLeaf knows.
func arrowValues(a arrow.Array) (arrowValue, error) {
	switch a := a.(type) {
	case *array.Boolean:
		return func(i int) parquet.Value { return parquet.BooleanValue(a.Value(i)) }, nil
	case *array.Float32:
		return func(i int) parquet.Value { return parquet.DoubleValue(float64(a.Value(i))) }, nil
	case *array.Float64:
		return func(i int) parquet.Value { return parquet.DoubleValue(a.Value(i)) }, nil
	case *array.Decimal128:
		scale := a.DataType().(*arrow.Decimal128Type).Scale
		return func(i int) parquet.Value { return parquet.DoubleValue(a.Value(i).ToFloat64(scale)) }, nil
	case *array.Decimal256:
		scale := a.DataType().(*arrow.Decimal256Type).Scale
		return func(i int) parquet.Value { return parquet.DoubleValue(a.Value(i).ToFloat64(scale)) }, nil
	case *array.Null:
		return nil, nil // it has no value
	case *array.Dictionary:
		of, err := arrowValues(a.Dictionary())
		return func(i int) parquet.Value { return of(a.GetValueIndex(i)) }, err
	case *array.String:
		return func(i int) parquet.Value { return parquet.ByteArrayValue([]byte(a.Value(i))) }, nil
	case *array.LargeString:
		return func(i int) parquet.Value { return parquet.ByteArrayValue([]byte(a.Value(i))) }, nil
	case *array.StringView:
		return func(i int) parquet.Value { return parquet.ByteArrayValue([]byte(a.Value(i))) }, nil
	case *array.Binary:
		return func(i int) parquet.Value { return parquet.ByteArrayValue(a.Value(i)) }, nil
	case *array.LargeBinary:
		return func(i int) parquet.Value { return parquet.ByteArrayValue(a.Value(i)) }, nil
	case *array.BinaryView:
		return func(i int) parquet.Value { return parquet.ByteArrayValue(a.Value(i)) }, nil
	case *array.FixedSizeBinary:
		return func(i int) parquet.Value { return parquet.ByteArrayValue(a.Value(i)) }, nil
	}
	return arrowNumbers(a)
}

// arrowNumbers is the values of an array of integers or times.
func arrowNumbers(a arrow.Array) (arrowValue, error) {
	switch a := a.(type) {
	case *array.Int8:
		return numbersOf(a.Int8Values()), nil
	case *array.Int16:
		return numbersOf(a.Int16Values()), nil
	case *array.Int32:
		return numbersOf(a.Int32Values()), nil
	case *array.Int64:
		return numbersOf(a.Int64Values()), nil
	case *array.Uint8:
		return numbersOf(a.Uint8Values()), nil
	case *array.Uint16:
		return numbersOf(a.Uint16Values()), nil
	case *array.Uint32:
		return numbersOf(a.Uint32Values()), nil
	case *array.Uint64:
		return numbersOf(a.Uint64Values()), nil
	case *array.Timestamp:
		return numbersOf(a.TimestampValues()), nil
	case *array.Date32:
		return numbersOf(a.Date32Values()), nil
	case *array.Date64:
		return numbersOf(a.Date64Values()), nil
	case *array.Time32:
		return numbersOf(a.Time32Values()), nil
	case *array.Time64:
		return numbersOf(a.Time64Values()), nil
	case *array.Duration:
		return numbersOf(a.DurationValues()), nil
	}
	return nil, fmt.Errorf("an array of %s is not read", a.DataType())
}

func numbersOf[T ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64](v []T) arrowValue {
	return func(i int) parquet.Value { return parquet.Int64Value(int64(v[i])) }
}
