"""The upstream side: connecting to servers, keeping connections, and the requests that we make on them."""
