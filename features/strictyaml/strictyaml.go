// Package strictyaml reads files that people write: label rules, training
// configurations, gates. They are YAML, or JSON, which is YAML too; a key that
// nobody knows is an error, since a misspelt one would silently do nothing;
// and an error says at which line.
//
//	file, err := strictyaml.Parse(text)
//	…
//	err = strictyaml.Decode(file.Docs[0].Body, &config)
//	var e *strictyaml.Error
//	errors.As(err, &e) // e.Line
//
// Source: https://github.com/goccy/go-yaml, which parses.
package strictyaml

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Error says where a text is wrong.
type Error struct {
	Line int // 0: not known
	Err  error
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Err.Error()
	}
	return fmt.Sprintf("line %d: %v", e.Line, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Parse takes a text apart. The error is an [*Error].
func Parse(text []byte) (file *ast.File, err error) {
	defer caught(&err)
	if file, err = parser.ParseBytes(text, 0); err != nil {
		return nil, located(err)
	}
	return file, nil
}

// Decode gives v what the node says; v keeps what it does not. The error is
// an [*Error].
func Decode(n ast.Node, v any) (err error) {
	defer caught(&err)
	if err := yaml.NodeToValue(n, v, yaml.Strict()); err != nil {
		return located(err)
	}
	return nil
}

// LineOf gives the line of a key of the first document, named by its path as in
// "packets.payload"; 0 where it is not there.
func LineOf(file *ast.File, key string) int {
	path, err := yaml.PathString("$." + key)
	if err != nil || len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return 0
	}
	n, err := path.FilterNode(file.Docs[0].Body)
	if err != nil || n == nil || n.GetToken() == nil {
		return 0
	}
	return n.GetToken().Position.Line
}

// caught makes an error of a panic: go-yaml 1.19 panics on tags that do not
// fit, as in "hidden: !x 1".
func caught(err *error) {
	if r := recover(); r != nil {
		*err = &Error{Err: fmt.Errorf("not readable as YAML: %v", r)}
	}
}

func located(err error) error {
	var ye yaml.Error
	if errors.As(err, &ye) && ye.GetToken() != nil {
		return &Error{ye.GetToken().Position.Line, errors.New(ye.GetMessage())}
	}
	return &Error{Err: err}
}
