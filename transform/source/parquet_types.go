package source

import (
	"fmt"
	"math"
	"math/big"
	"net/netip"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/pcapline/pcapline/transform/schema"
)

// class is what a Parquet type holds, apart from how wide it is.
type class uint8

const (
	boolean class = iota
	integer
	floating
	instant
	utf8Text
	bytesClass
)

// leafType is a Parquet leaf as it is read.
type leafType struct {
	kind     schema.Kind // what it becomes when nobody says otherwise
	class    class
	unit     string
	nanos    bool                                // integers that are timestamps in nanoseconds
	integer  func(*parquet.Value) (int64, error) // of integers and instants (µs)
	floating func(*parquet.Value) float64
}

// fieldFor decides what a column is read as: what the sink wrote down if the
// file still holds that, else what its type says.
func fieldFor(name string, lt *leafType, list, nullable bool, stored *schema.Field) *schema.Field {
	if stored == nil || stored.List != list || !lt.holds(stored.Kind) {
		return &schema.Field{Name: name, Kind: lt.kind, Unit: lt.unit, List: list, Nullable: list || nullable}
	}
	// A column that is never null by its schema stays so when another
	// program has rewritten the file with everything nullable; a null in
	// it is then an error.
	f := *stored
	f.Nullable = stored.Nullable || list
	return &f
}

// holds reports whether values of the type can be read as kind k.
func (t *leafType) holds(k schema.Kind) bool {
	switch k {
	case schema.Bool:
		return t.class == boolean
	case schema.Uint8, schema.Uint16, schema.Uint32, schema.Int64:
		return t.class == integer
	case schema.Float64:
		return t.class == floating
	case schema.Timestamp:
		return t.class == instant || t.nanos
	case schema.Binary:
		return t.class == bytesClass
	}
	return t.class == utf8Text
}

func leafTypeOf(t parquet.Type) (*leafType, error) {
	switch t.Kind() {
	case parquet.Boolean:
		return &leafType{kind: schema.Bool, class: boolean}, nil
	case parquet.Int32, parquet.Int64:
		return integerType(t)
	case parquet.Int96:
		return &leafType{kind: schema.Timestamp, class: instant, integer: int96Micros}, nil
	case parquet.Float:
		return &leafType{kind: schema.Float64, class: floating, floating: func(v *parquet.Value) float64 { return float64(v.Float()) }}, nil
	case parquet.Double:
		return &leafType{kind: schema.Float64, class: floating, floating: func(v *parquet.Value) float64 { return v.Double() }}, nil
	}
	if lt := t.LogicalType(); lt != nil {
		switch l := lt.Value.(type) {
		case *format.StringType, *format.EnumType, *format.JsonType:
			return &leafType{kind: schema.String, class: utf8Text}, nil
		case *format.DecimalType:
			scale := math.Pow10(-int(l.Scale))
			return &leafType{kind: schema.Float64, class: floating, floating: func(v *parquet.Value) float64 {
				return bigEndian(v.ByteArray()) * scale
			}}, nil
		case *format.NullType, *format.Float16Type:
			return nil, fmt.Errorf("type %s is not read", lt)
		}
	}
	return &leafType{kind: schema.Binary, class: bytesClass}, nil
}

func integerType(t parquet.Type) (*leafType, error) {
	wide := t.Kind() == parquet.Int64
	value := func(v *parquet.Value) (int64, error) { return int64(v.Int32()), nil }
	if wide {
		value = func(v *parquet.Value) (int64, error) { return v.Int64(), nil }
	}
	plain := &leafType{kind: schema.Int64, class: integer, integer: value}
	lt := t.LogicalType()
	if lt == nil {
		return plain, nil
	}
	switch l := lt.Value.(type) {
	case *format.IntType:
		if !l.IsSigned {
			return unsignedType(l.BitWidth, wide), nil
		}
	case *format.DateType:
		plain.kind, plain.class = schema.Timestamp, instant
		plain.integer = func(v *parquet.Value) (int64, error) { return int64(v.Int32()) * 86_400_000_000, nil }
	case *format.TimestampType:
		return timestampType(l, plain), nil
	case *format.TimeType:
		plain.unit = unitOf(l.Unit)
	case *format.DecimalType:
		scale := math.Pow10(-int(l.Scale))
		return &leafType{kind: schema.Float64, class: floating, floating: func(v *parquet.Value) float64 {
			n, _ := value(v)
			return float64(n) * scale
		}}, nil
	}
	return plain, nil
}

func unsignedType(bits int8, wide bool) *leafType {
	t := &leafType{class: integer, kind: schema.Uint32, integer: func(v *parquet.Value) (int64, error) { return int64(v.Uint32()), nil }}
	switch {
	case wide:
		t.kind = schema.Int64
		t.integer = func(v *parquet.Value) (int64, error) {
			if n := v.Uint64(); n > math.MaxInt64 {
				return 0, fmt.Errorf("%d does not fit into int64", n)
			}
			return v.Int64(), nil
		}
	case bits == 8:
		t.kind = schema.Uint8
	case bits == 16:
		t.kind = schema.Uint16
	}
	return t
}

func timestampType(l *format.TimestampType, t *leafType) *leafType {
	value := t.integer
	t.kind, t.class = schema.Timestamp, instant
	switch l.Unit.Value.(type) {
	case *format.MilliSeconds:
		t.integer = func(v *parquet.Value) (int64, error) {
			n, err := value(v)
			if n > math.MaxInt64/1000 || n < math.MinInt64/1000 {
				return 0, fmt.Errorf("timestamp of %d ms is out of range", n)
			}
			return n * 1000, err
		}
	case *format.NanoSeconds:
		// Microseconds would lose digits, so these are plain numbers.
		t.kind, t.class, t.unit, t.nanos = schema.Int64, integer, "ns", true
	}
	return t
}

func unitOf(u format.TimeUnit) string {
	switch u.Value.(type) {
	case *format.MilliSeconds:
		return "ms"
	case *format.NanoSeconds:
		return "ns"
	}
	return "us"
}

// int96Micros reads the timestamps of old writers: nanoseconds of the day and
// Julian day.
func int96Micros(v *parquet.Value) (int64, error) {
	const unixEpoch = 2440588 // as a Julian day
	n := v.Int96()
	nanos := int64(n[1])<<32 | int64(n[0])
	if nanos%1000 != 0 {
		return 0, fmt.Errorf("timestamp with %d ns of a day: finer than microseconds", nanos)
	}
	return (int64(n[2])-unixEpoch)*86_400_000_000 + nanos/1000, nil
}

// wholeMicros reads a timestamp that another program has turned into
// nanoseconds.
func wholeMicros(ns int64) (int64, error) {
	if ns%1000 != 0 {
		return 0, fmt.Errorf("timestamp of %d ns is finer than the microseconds of its schema", ns)
	}
	return ns / 1000, nil
}

// bigEndian reads a two's complement number of any length.
func bigEndian(b []byte) float64 {
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	f, _ := new(big.Float).SetInt(n).Float64()
	return f
}

func decoderFor(k schema.Kind, t *leafType) decoder {
	switch k {
	case schema.Bool:
		return newDecoder(func(_ *schema.Batch, v *parquet.Value) (bool, error) { return v.Boolean(), nil })
	case schema.Uint8:
		return newDecoder(ranged[uint8](t.integer, math.MaxUint8))
	case schema.Uint16:
		return newDecoder(ranged[uint16](t.integer, math.MaxUint16))
	case schema.Uint32:
		return newDecoder(ranged[uint32](t.integer, math.MaxUint32))
	case schema.Int64:
		return newDecoder(func(_ *schema.Batch, v *parquet.Value) (int64, error) { return t.integer(v) })
	case schema.Float64:
		return newDecoder(func(_ *schema.Batch, v *parquet.Value) (float64, error) { return t.floating(v), nil })
	case schema.Timestamp:
		return newDecoder(func(_ *schema.Batch, v *parquet.Value) (schema.Micros, error) {
			n, err := t.integer(v)
			if t.nanos && err == nil {
				n, err = wholeMicros(n)
			}
			return schema.Micros(n), err
		})
	case schema.IPv4Addr:
		return newDecoder(parsed[schema.IPv4]())
	case schema.IPv6Addr:
		return newDecoder(parsed[schema.IPv6]())
	case schema.MACAddr:
		return newDecoder(parsed[schema.MAC]())
	case schema.IPAddr:
		return newDecoder(parsed[netip.Addr]())
	case schema.String:
		return newDecoder(func(b *schema.Batch, v *parquet.Value) (schema.Text, error) { return b.Text(v.ByteArray()), nil })
	default:
		return newDecoder(func(b *schema.Batch, v *parquet.Value) (schema.Bytes, error) {
			return schema.Bytes(b.Text(v.ByteArray())), nil
		})
	}
}

func ranged[T uint8 | uint16 | uint32](value func(*parquet.Value) (int64, error), limit int64) convert[T] {
	return func(_ *schema.Batch, v *parquet.Value) (T, error) {
		n, err := value(v)
		if err == nil && (n < 0 || n > limit) {
			err = fmt.Errorf("%d is not between 0 and %d", n, limit)
		}
		return T(n), err
	}
}
