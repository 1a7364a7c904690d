package schema

// MetadataKey is the key of a table's metadata under which formats that have
// a place for it keep the schema, as JSON: a list of [Field] in the order of
// the columns. A reader restores kinds, roles and documentation from it.
const MetadataKey = "pcapline.schema"

// MarshalText gives the kind's name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText is the inverse of MarshalText.
func (k *Kind) UnmarshalText(text []byte) (err error) {
	*k, err = ParseKind(string(text))
	return err
}
