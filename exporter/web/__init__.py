"""HTTP for both roles: what is answered to whom, over which connections."""
