#!/bin/sh
echo 'It is \boxed{42}.' > /app/answer.txt
