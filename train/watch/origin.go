package watch

import (
	"encoding/json"
	"fmt"
)

// Origin is where the rows of a table of scores come from: the model's SHA-256,
// how far the spool was read, and the names of the segments that file_id counts.
type Origin = watchMetadata

// OriginOf reads the origin from a table's metadata; nil where a watch did not
// write the table.
func OriginOf(metadata map[string]string) (*Origin, error) {
	text := metadata[MetaWatch]
	if text == "" {
		return nil, nil
	}
	var o Origin
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return nil, fmt.Errorf("metadata %s: %w", MetaWatch, err)
	}
	return &o, nil
}
