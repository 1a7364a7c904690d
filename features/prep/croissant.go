package prep

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/transform/schema"
)

// object is a JSON-LD object; its keys are written sorted.
type object = map[string]any

// croissant describes the dataset's files and the cleaned table's columns in
// the Croissant format, version 1.0: JSON-LD that data catalogues and
// mlcroissant read. All tables are listed with their SHA-256; the record set
// cleaned is the parts' tables one behind another.
//
// Source: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.0.html
func croissant(m *features.Meta, files []DataFile, columns schema.Schema) ([]byte, error) {
	format := files[0].Format
	distribution := []any{}
	for _, f := range files {
		distribution = append(distribution, object{
			"@type": "cr:FileObject", "@id": f.Path, "name": f.Path, "contentUrl": f.Path,
			"contentSize": fmt.Sprintf("%d B", f.Bytes), "encodingFormat": mediaType(f.Format), "sha256": f.SHA256,
			"description": describeFile(&f),
		})
	}
	distribution = append(distribution, object{
		"@type": "cr:FileSet", "@id": "parts", "name": "parts", "encodingFormat": mediaType(format),
		"includes": dataDir + "/*." + format, "description": "The cleaned table, one file a part.",
	})
	fields := []any{}
	for _, f := range columns {
		fields = append(fields, object{
			"@type": "cr:Field", "@id": "cleaned/" + url.PathEscape(f.Name), "name": f.Name, "description": describeField(m, f),
			"dataType": dataType(f.Kind),
			"source":   object{"fileSet": object{"@id": "parts"}, "extract": object{"column": f.Name}},
		})
	}
	doc := object{
		"@context": croissantContext, "@type": "sc:Dataset", "conformsTo": "http://mlcommons.org/croissant/1.0",
		"name": datasetName(m), "description": summary(m), "datePublished": m.Created[:len("2006-01-02")],
		"version": "1.0.0", "distribution": distribution,
		"recordSet": []any{object{"@type": "cr:RecordSet", "@id": "cleaned", "name": "cleaned", "field": fields,
			"description": "Features as numbers, filled but not scaled, with label and split."}},
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(doc); err != nil {
		return nil, fmt.Errorf("croissant: %w", err)
	}
	return out.Bytes(), nil
}

func mediaType(format string) string {
	if format == "csv" {
		return "text/csv"
	}
	return "application/x-parquet" // as the specification's examples and its reader have it
}

func dataType(k schema.Kind) string {
	switch k {
	case schema.String:
		return "sc:Text"
	case schema.Float64:
		return "sc:Float"
	case schema.Bool:
		return "sc:Boolean"
	}
	return "sc:Integer"
}

func describeFile(f *DataFile) string {
	if f.Part == "" {
		return fmt.Sprintf("Every column of every labelled row; %d rows.", f.Rows)
	}
	return fmt.Sprintf("The %s rows of the cleaned table; %d rows.", f.Part, f.Rows)
}

// describeField says how a feature came about.
func describeField(m *features.Meta, f *schema.Field) string {
	if f.Layer != "features" {
		return f.Doc
	}
	name := f.Name
	for _, cut := range []string{"_missing", "=", "#"} {
		if base, rest, found := strings.Cut(name, cut); found && (cut != "_missing" || rest == "") {
			name = base
			break
		}
	}
	return fmt.Sprintf("Feature made of column %s of the %s table.", name, m.Table)
}

// croissantContext is the context of the specification's appendix 1.
var croissantContext = object{
	"@language": "en", "@vocab": "https://schema.org/",
	"cr": "http://mlcommons.org/croissant/", "rai": "http://mlcommons.org/croissant/RAI/",
	"sc": "https://schema.org/", "dct": "http://purl.org/dc/terms/", "conformsTo": "dct:conformsTo",
	"citeAs": "cr:citeAs", "column": "cr:column", "extract": "cr:extract", "field": "cr:field",
	"equivalentProperty": "cr:equivalentProperty", "samplingRate": "cr:samplingRate", "fileProperty": "cr:fileProperty", "fileObject": "cr:fileObject", "fileSet": "cr:fileSet", "format": "cr:format",
	"includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath", "key": "cr:key",
	"md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path", "recordSet": "cr:recordSet",
	"references": "cr:references", "regex": "cr:regex", "repeated": "cr:repeated", "replace": "cr:replace",
	"separator": "cr:separator", "source": "cr:source", "subField": "cr:subField", "transform": "cr:transform",
	"data":     object{"@id": "cr:data", "@type": "@json"},
	"examples": object{"@id": "cr:examples", "@type": "@json"},
	"dataType": object{"@id": "cr:dataType", "@type": "@vocab"},
}
