package sink

import (
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/pcapline/pcapline/transform/schema"
)

// parquetType is how values of a kind are stored.
type parquetType struct {
	physical  format.Type
	logical   format.LogicalTypeValue // nil: none
	converted deprecated.ConvertedType
}

func parquetTypeOf(k schema.Kind) parquetType {
	switch k {
	case schema.Bool:
		return parquetType{physical: format.Boolean}
	case schema.Uint8:
		return parquetType{format.Int32, &format.IntType{BitWidth: 8}, deprecated.Uint8}
	case schema.Uint16:
		return parquetType{format.Int32, &format.IntType{BitWidth: 16}, deprecated.Uint16}
	case schema.Uint32:
		return parquetType{format.Int32, &format.IntType{BitWidth: 32}, deprecated.Uint32}
	case schema.Int64:
		return parquetType{physical: format.Int64}
	case schema.Float64:
		return parquetType{physical: format.Double}
	case schema.Timestamp:
		utc := &format.TimestampType{IsAdjustedToUTC: true, Unit: format.TimeUnit{Value: &format.MicroSeconds{}}}
		return parquetType{format.Int64, utc, deprecated.TimestampMicros}
	case schema.Binary:
		return parquetType{physical: format.ByteArray}
	default: // strings, and addresses as text
		return parquetType{format.ByteArray, &format.StringType{}, deprecated.UTF8}
	}
}

// schemaElements is the footer's schema: the root and each column, a list as
// an optional group of a repeated group of a required element.
func schemaElements(s schema.Schema) []format.SchemaElement {
	root := format.SchemaElement{Name: "schema", NumChildren: thrift.New(int32(len(s)))}
	elements := []format.SchemaElement{root}
	for _, f := range s {
		if !f.List {
			rep := format.Required
			if f.Nullable {
				rep = format.Optional
			}
			elements = append(elements, leafElement(f.Kind, f.Name, rep))
			continue
		}
		elements = append(elements,
			format.SchemaElement{
				Name: f.Name, RepetitionType: thrift.New(format.Optional), NumChildren: thrift.New(int32(1)),
				ConvertedType: thrift.New(deprecated.List), LogicalType: format.LogicalType{Value: &format.ListType{}},
			},
			format.SchemaElement{Name: "list", RepetitionType: thrift.New(format.Repeated), NumChildren: thrift.New(int32(1))},
			leafElement(f.Kind, "element", format.Required))
	}
	return elements
}

func leafElement(k schema.Kind, name string, rep format.FieldRepetitionType) format.SchemaElement {
	t := parquetTypeOf(k)
	e := format.SchemaElement{Name: name, Type: thrift.New(t.physical), RepetitionType: thrift.New(rep)}
	if t.logical != nil {
		e.LogicalType.Value = t.logical
		e.ConvertedType = thrift.New(t.converted)
	}
	return e
}

func columnPath(f *schema.Field) []string {
	if f.List {
		return []string{f.Name, "list", "element"}
	}
	return []string{f.Name}
}
