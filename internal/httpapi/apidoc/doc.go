// Package apidoc makes the OpenAPI document of the routes, and an HTML page of it.
//
//   - route is the declaration of a route: its path, its roles, its texts and its examples.
//   - document renders routes and the types of the contract as OpenAPI 3.1; headers are the headers of every operation.
//   - page renders the document as HTML.
package apidoc
