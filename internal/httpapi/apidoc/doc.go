// Package apidoc makes the OpenAPI document of the routes, and the page that shows it to people.
//
//   - route is a route's declaration: where it is, who may do it, its words and its examples.
//   - document renders routes and the types of the contract as OpenAPI 3.1; headers are those of every call.
//   - page renders the document as HTML.
package apidoc
